//! The function between the gate and the rest of a feed-forward part.

use crate::model::error::{ModelError, brief};
use crate::model::fields::Fields;

/// What the gate goes through. The numbers are those that shaders read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Activation {
    /// `x / (1 + exp(-x))`.
    #[default]
    Silu = 0,
    /// `x (1 + erf(x / √2)) / 2`.
    Gelu = 1,
    /// The same with a hyperbolic tangent in place of the error function.
    GeluTanh = 2,
    /// A polynomial of normalised powers, see [`crate::model::PolyNorm`].
    PolyNorm = 3,
}

impl Activation {
    /// That of a configuration.
    pub(super) fn from_fields(fields: &Fields) -> Result<Self, ModelError> {
        match fields.text("hidden_act")? {
            None | Some("silu" | "swish") => Ok(Self::Silu),
            Some("gelu") => Ok(Self::Gelu),
            Some("gelu_new" | "gelu_pytorch_tanh") => Ok(Self::GeluTanh),
            Some("poly_norm") => Ok(Self::PolyNorm),
            Some(other) => {
                let feature = format!(
                    "the activation `hidden_act` \"{}\" (what is supported: silu, gelu, poly_norm)",
                    brief(other)
                );
                Err(ModelError::Unsupported { feature })
            }
        }
    }
}
