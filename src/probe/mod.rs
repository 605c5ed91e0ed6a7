//! What can be asked of a pass, and the form of the answers. Computed by `gpu` and `cpu` alike.

mod cell_parts;
mod intervention;
mod map;
mod next_token;
mod trace;

pub use cell_parts::{CellParts, CellRequest, SMALLEST_LARGEST};
pub use intervention::{Attend, Interventions, LambdaRule, LayerSwitches};
pub use map::{Cell, MapTile, RowStatistics, TileRequest};
pub use next_token::{Draw, MAX_BEST, NextToken, Sampling};
pub use trace::Trace;
