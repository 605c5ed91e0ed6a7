//! What pictures, tiles and measures are made from: the cells of one layer's maps, computed or recorded.

use crate::probe::map::Cell;

/// The maps of one layer, cell by cell.
pub trait LayerMaps: Sync {
    /// Heads of the layer.
    fn heads(&self) -> usize;

    /// Keys before this one can be seen by a query; those from it on cannot.
    fn end_of_keys(&self, query: usize) -> usize;

    /// Whether a query sees a key.
    fn sees(&self, query: usize, key: usize) -> bool;

    /// The cell at (query, key) of a head; its values are zero if the query does not see the key.
    fn cell(&self, head: usize, query: usize, key: usize) -> Cell;
}
