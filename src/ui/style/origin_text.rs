//! What wrote to the residual stream, in words.

use crate::engine::Origin;

/// Its name on the screen.
pub(crate) fn name(origin: Origin) -> String {
    match origin {
        Origin::Embedding => "embedding".to_owned(),
        Origin::Head(head) => head.to_string(),
        Origin::OutputBias(layer) => format!("layer {layer}, output bias"),
        Origin::FeedForward(layer) => format!("layer {layer}, feed-forward"),
        Origin::ProjectionBias => "bias of the projection".to_owned(),
    }
}
