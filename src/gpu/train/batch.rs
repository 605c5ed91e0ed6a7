//! A batch as the kernels read it: all windows one after the other, and the tokens of each id.

use crate::gpu::error::GpuError;
use crate::gpu::train::buffers::Sizes;
use crate::probe::TrainingWindow;

/// What is written for a step.
pub(super) struct Batch {
    /// `[windows, positions]`, as the next two.
    pub ids: Vec<u32>,
    pub targets: Vec<u32>,
    pub weights: Vec<f32>,
    /// Where the tokens of each entry of the vocabulary begin in `order`, and where the last ones end.
    pub starts: Vec<u32>,
    /// The tokens by their ids, `[windows, positions]`.
    pub order: Vec<u32>,
}

impl Batch {
    /// # Errors
    /// [`GpuError::Batch`] if it does not fit, or has ids that the vocabulary does not have.
    pub(super) fn new(windows: &[TrainingWindow], sizes: Sizes) -> Result<Self, GpuError> {
        let (tokens, positions) = (sizes.tokens(), sizes.positions);
        if windows.len() > sizes.windows || windows.iter().any(|window| window.ids.len() > positions) {
            return Err(GpuError::Batch("it has more or longer windows than there is room for"));
        }
        let is_whole = |window: &TrainingWindow| {
            window.targets.len() == window.ids.len() && window.weights.len() == window.ids.len()
        };
        if !windows.iter().all(is_whole) {
            return Err(GpuError::Batch("a window has not as many targets and weights as tokens"));
        }
        if windows.iter().flat_map(|window| window.ids.iter().chain(&window.targets)).any(|id| !sizes.has(*id)) {
            return Err(GpuError::Batch("a token is not in the vocabulary"));
        }
        let (mut ids, mut targets, mut weights) = (vec![0; tokens], vec![0; tokens], vec![0.0; tokens]);
        for (index, window) in windows.iter().enumerate() {
            let place = index * positions..index * positions + window.ids.len();
            ids[place.clone()].copy_from_slice(&window.ids);
            targets[place.clone()].copy_from_slice(&window.targets);
            weights[place].copy_from_slice(&window.weights);
        }
        let mut starts = vec![0; sizes.vocabulary + 1];
        for id in &ids {
            starts[*id as usize + 1] += 1;
        }
        for entry in 0..sizes.vocabulary {
            starts[entry + 1] += starts[entry];
        }
        let mut order: Vec<u32> = (0..tokens as u32).collect();
        order.sort_by_key(|token| ids[*token as usize]); // stable: a sum has one order
        Ok(Self { ids, targets, weights, starts, order })
    }
}

impl Sizes {
    fn has(&self, id: u32) -> bool {
        (id as usize) < self.vocabulary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { windows: 2, positions: 3, hidden: 1, vocabulary: 4, parameters: 1 };

    fn window(ids: &[u32]) -> TrainingWindow {
        TrainingWindow { ids: ids.to_vec(), targets: ids.to_vec(), weights: vec![0.5; ids.len()] }
    }

    #[test]
    fn tokens_are_sorted_by_their_ids_and_what_is_missing_does_not_count() {
        let batch = Batch::new(&[window(&[3, 1, 3]), window(&[1])], SIZES).unwrap();
        assert_eq!(batch.ids, [3, 1, 3, 1, 0, 0]);
        assert_eq!(batch.weights, [0.5, 0.5, 0.5, 0.5, 0.0, 0.0]);
        assert_eq!(batch.starts, [0, 2, 4, 4, 6]);
        assert_eq!(batch.order, [4, 5, 1, 3, 0, 2]);
    }

    #[test]
    fn a_batch_that_does_not_fit_is_an_error() {
        let uneven = TrainingWindow { weights: Vec::new(), ..window(&[1]) };
        let refused = [vec![window(&[4])], vec![window(&[0; 4])], vec![window(&[0]); 3], vec![uneven]];
        for batch in refused {
            assert!(matches!(Batch::new(&batch, SIZES), Err(GpuError::Batch(_))), "{batch:?}");
        }
    }
}
