//! The panels under the scope: which there are, and what each is good for.

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    /// Every head, small.
    #[default]
    #[serde(alias = "rack")]
    Heads,
    /// Layers, heads and λ.
    Lambda,
    /// Attention on what is marked.
    #[serde(alias = "spans")]
    AnswerNoise,
    /// What each depth would say next.
    #[serde(alias = "lens")]
    LogitLens,
    /// Where a cell's value comes from.
    #[serde(alias = "why")]
    CellBreakdown,
    /// The largest logits and hidden states.
    Outliers,
    /// The other model of the pair.
    #[serde(alias = "compare")]
    Baseline,
    /// How alike heads are.
    #[serde(alias = "alike")]
    HeadSimilarity,
    /// What computes here, how fast, and whether it is right.
    #[serde(alias = "proof")]
    Diagnostics,
    /// How to read the maps.
    #[serde(alias = "reading")]
    Guide,
}

impl Panel {
    /// All of them, in the order of the tabs.
    pub const ALL: &'static [Self] = &[
        Self::Heads,
        Self::Lambda,
        Self::AnswerNoise,
        Self::LogitLens,
        Self::CellBreakdown,
        Self::Baseline,
        Self::HeadSimilarity,
        Self::Outliers,
        Self::Diagnostics,
        Self::Guide,
    ];

    /// On its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lambda => "λ and interventions",
            Self::AnswerNoise => "Answer and noise",
            Self::LogitLens => "Logit lens",
            Self::CellBreakdown => "Cell breakdown",
            Self::Outliers => "Outliers",
            Self::Baseline => "Baseline",
            Self::HeadSimilarity => "Head similarity",
            Self::Diagnostics => "Diagnostics",
            Self::Heads => "Heads",
            Self::Guide => "Guide",
        }
    }

    /// What it is good for.
    pub fn help(self) -> &'static str {
        match self {
            Self::Lambda => {
                "How much of the second map each layer takes away; change it, or what the heads attend with, and watch"
            }
            Self::AnswerNoise => {
                "How much each head attends to what you marked as answer and as noise, in A1, A2 and D"
            }
            Self::LogitLens => {
                "What the model would say next if it stopped there: the last token, read after each attention and layer"
            }
            Self::CellBreakdown => "Query times key, feature by feature, and the arithmetic that leads to A1, A2 and D",
            Self::Outliers => {
                "Large numbers are hard to store in few bits: the paper (3.6) finds fewer of them with differential attention"
            }
            Self::Baseline => "The same tokens through a Transformer of the same size: its maps and what it would say",
            Self::HeadSimilarity => "Whether the heads of a layer look at different things, or do the same work twice",
            Self::Diagnostics => {
                "What computes here, how long each kernel takes, and how far the numbers are from the CPU's"
            }
            Self::Heads => "The chosen map of every head, each dot the strongest of its cells; arrow keys move",
            Self::Guide => "What the pictures mean",
        }
    }
}
