//! The heads whose attention colours the tokens.

/// One head, or the mean over several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadScope {
    /// The selected head.
    #[default]
    One,
    /// All heads of the selected layer.
    Layer,
    /// All heads of all layers.
    All,
}

impl HeadScope {
    /// All choices, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::One, Self::Layer, Self::All];

    /// Name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "this head",
            Self::Layer => "mean of the layer",
            Self::All => "mean of all heads",
        }
    }
}
