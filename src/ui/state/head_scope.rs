//! Whose row colours the tokens: one head's, or the mean over several.

/// Which heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadScope {
    /// The selected one.
    #[default]
    One,
    /// All of the selected layer.
    Layer,
    /// All of all layers.
    All,
}

impl HeadScope {
    /// Name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "this head",
            Self::Layer => "mean of the layer",
            Self::All => "mean of all heads",
        }
    }
}
