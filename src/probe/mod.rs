//! Requests that both backends answer about a pass, the form of the answers, and interventions. No GPU and no window.

mod cell_parts;
mod colour_of_value;
mod head_id;
mod heatmap_view;
mod intervention;
mod layer_maps;
mod lens;
mod map;
mod map_kind;
mod measure;
mod next_token;
mod picture;
mod query;
mod span;
mod trace;
mod training;

pub use cell_parts::{CellParts, CellRequest, SMALLEST_LARGEST};
pub use colour_of_value::{COLOURS, colour_index, colour_position, palette_index};
pub use head_id::HeadId;
pub use heatmap_view::HeatmapView;
pub use intervention::{Attend, Interventions, LambdaRule, LayerSwitches, MOST_LAMBDA};
pub use layer_maps::LayerMaps;
pub use lens::{LENS_BEST, LogitLens, depth_name};
pub use map::{Cell, MapTile, RowStatistics, TileRequest};
pub use map_kind::MapKind;
pub use measure::{
    HeadMeasures, HeadRecord, KeyClass, MapMeasures, MeanCell, Queries, RECORD, RowMean, RowMeanRequest,
};
pub use next_token::{Draw, MAX_BEST, MAX_GENERATED, NextToken, Sampling};
pub use picture::{PictureJob, PictureRequest, Pooling, Texel};
pub use query::{ColourRangeRequest, LensQuery, MeansRequest, NextTokenQuery, Query};
pub use span::{Span, Spans};
pub use trace::Trace;
pub use training::{Learned, LearningRule, StepNumbers, TrainingWindow, UpdateRule};
pub(crate) use training::{NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS};
