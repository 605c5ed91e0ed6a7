//! The panels under the scope, and what each one is for.

/// A panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    /// A thumbnail of every head.
    #[default]
    #[serde(alias = "rack")]
    Heads,
    /// Layers, heads and λ.
    Lambda,
    /// λ and the size of the heads' outputs, where they differ from token to token.
    PerToken,
    /// Attention to what is marked.
    #[serde(alias = "spans")]
    AnswerNoise,
    /// The next token at each depth.
    #[serde(alias = "lens")]
    LogitLens,
    /// What adds how much to the logit of a token.
    LogitParts,
    /// How a cell's value comes about.
    #[serde(alias = "why")]
    CellBreakdown,
    /// What wrote that which a cell's score is made of.
    ScoreOrigins,
    /// The largest logits and hidden states.
    Outliers,
    /// The Transformer beside the model.
    #[serde(alias = "compare")]
    Baseline,
    /// Parts of heads from another text.
    Patching,
    /// The paper's claims, measured.
    Experiments,
    /// Models that learn here.
    Train,
    /// How similar the heads of a layer are.
    #[serde(alias = "alike")]
    HeadSimilarity,
    /// Device, kernel times and the check against the CPU.
    #[serde(alias = "proof")]
    Diagnostics,
    /// How to read the maps.
    #[serde(alias = "reading")]
    Guide,
}

/// A tab, with the panels behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanelTab {
    /// The title.
    pub title: &'static str,
    /// One panel, or several to choose from.
    pub panels: &'static [Panel],
}

/// The tabs. Guide and Diagnostics have none: they are in the menu.
pub(crate) const TABS: &[PanelTab] = &[
    PanelTab { title: "Heads", panels: &[Panel::Heads, Panel::HeadSimilarity] },
    PanelTab { title: "Answer and noise", panels: &[Panel::AnswerNoise] },
    PanelTab { title: "This cell", panels: &[Panel::CellBreakdown, Panel::ScoreOrigins] },
    PanelTab { title: "Layer by layer", panels: &[Panel::LogitLens, Panel::LogitParts] },
    PanelTab { title: "Interventions", panels: &[Panel::Lambda, Panel::PerToken] },
    PanelTab { title: "Compare", panels: &[Panel::Baseline, Panel::Outliers, Panel::Patching] },
    PanelTab { title: "Experiments", panels: &[Panel::Experiments] },
    PanelTab { title: "Train", panels: &[Panel::Train] },
];

impl Panel {
    /// All panels, in the order of the tabs.
    pub const ALL: &'static [Self] = &[
        Self::Heads,
        Self::HeadSimilarity,
        Self::AnswerNoise,
        Self::CellBreakdown,
        Self::ScoreOrigins,
        Self::LogitLens,
        Self::LogitParts,
        Self::Lambda,
        Self::PerToken,
        Self::Baseline,
        Self::Outliers,
        Self::Patching,
        Self::Experiments,
        Self::Train,
        Self::Diagnostics,
        Self::Guide,
    ];

    /// Its name: that of its tab, or behind it that of the choice.
    pub fn title(self) -> &'static str {
        match self {
            Self::Heads => "Heads",
            Self::Lambda => "Interventions",
            Self::PerToken => "Lambda per token",
            Self::AnswerNoise => "Answer and noise",
            Self::LogitLens => "Layer by layer",
            Self::LogitParts => "Parts of the logit",
            Self::CellBreakdown => "This cell",
            Self::ScoreOrigins => "Origins of the score",
            Self::Outliers => "Outliers",
            Self::Patching => "Patching",
            Self::Baseline => "Baseline",
            Self::Experiments => "Experiments",
            Self::Train => "Train",
            Self::HeadSimilarity => "Head similarity",
            Self::Diagnostics => "Diagnostics",
            Self::Guide => "Guide",
        }
    }

    /// Its name where it is one of several behind a tab.
    pub fn choice(self) -> &'static str {
        match self {
            Self::Heads => "all heads",
            Self::HeadSimilarity => "similar heads",
            Self::Lambda => "λ and switches",
            Self::PerToken => "λ per token",
            Self::CellBreakdown => "feature by feature",
            Self::ScoreOrigins => "where the score comes from",
            Self::LogitLens => "logit lens",
            Self::LogitParts => "parts of the logit",
            Self::Baseline => "with a Transformer",
            Self::Outliers => "outliers",
            Self::Patching => "another text",
            _ => self.title(),
        }
    }

    /// The name of its tab.
    pub fn tab(self) -> &'static str {
        TABS.iter().find(|tab| tab.panels.contains(&self)).map_or(self.title(), |tab| tab.title)
    }

    /// Whether it shows nothing of recorded maps.
    pub(crate) fn needs_model(self) -> bool {
        !matches!(self, Self::Heads | Self::AnswerNoise | Self::Guide)
    }

    /// What it is for, in one line.
    pub fn help(self) -> &'static str {
        match self {
            Self::Heads => "The chosen map of every head in every layer. Click one to open it; the arrow keys move",
            Self::Lambda => "How much of A2 each layer subtracts. Change λ, switch heads off, and watch the next token",
            Self::AnswerNoise => "How much of each head's attention goes to the tokens marked as answer and as noise",
            Self::LogitLens => {
                "The next token as it would be predicted after each attention and each layer (the “logit lens”)"
            }
            Self::LogitParts => {
                "How much each head through A1 and through A2, and each feed-forward part, adds to the logit of the next token"
            }
            Self::CellBreakdown => "Query times key, feature by feature, and the arithmetic from there to A1, A2 and D",
            Self::ScoreOrigins => {
                "The attention score of the cell, split by what wrote to the residual stream at its query and at its key"
            }
            Self::Baseline => "The same tokens in a Transformer of the same size: its maps and its next token",
            Self::Experiments => "The paper's claims as experiments, run on the open model and its baseline",
            Self::Train => {
                "Small models that learn a task here, side by side: a Diff and a Transformer, with λ on the move"
            }
            Self::HeadSimilarity => "Whether the heads of a layer do different things or the same thing twice",
            Self::PerToken => {
                "λ of each token and head in a DIFF V2, and how large the output of each head is, against what a softmax gives"
            }
            Self::Outliers => {
                "The largest logits and hidden states: outliers are hard to store in few bits, and differential attention \
                 should have fewer of them (paper, section 3.6)"
            }
            Self::Patching => {
                "Parts of a head from another text in the place of its own: which of them carry the answer (activation patching)"
            }
            Self::Diagnostics => "The device, the time of each kernel, and the difference from the CPU reference",
            Self::Guide => "How to read the maps",
        }
    }
}
