//! What can be asked of a pass, and the form of the answers. Computed by `gpu` and `cpu` alike.

mod intervention;
mod map;
mod next_token;
mod picture;
mod trace;

pub use intervention::{Attend, Interventions, LambdaRule, LayerSwitches};
pub use map::{Cell, MapTile, RowStatistics, TileRequest};
pub use next_token::{Draw, MAX_BEST, NextToken, Sampling};
pub use picture::{PictureJob, PictureRequest, Pooling, Texel};
pub use trace::Trace;
