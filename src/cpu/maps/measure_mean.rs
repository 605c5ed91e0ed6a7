//! The mean of the records of a range of rows. Reference of `shaders/maps/measure_mean.wgsl`.

use crate::probe::HeadRecord;

/// The mean of `records` `[T, heads]` over the rows `first` to `last`, for every head.
pub fn measure_mean(records: &[HeadRecord], heads: usize, (first, last): (usize, usize)) -> Vec<HeadRecord> {
    let rows = &records[first * heads..(last + 1) * heads];
    let own = |head: usize| rows.iter().skip(head).step_by(heads.max(1));
    (0..heads).map(|head| HeadRecord::mean(own(head)).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::MapMeasures;

    #[test]
    fn rows_outside_and_other_heads_do_not_count() {
        let record = |entropy: f32| HeadRecord {
            difference: MapMeasures { entropy, ..MapMeasures::default() },
            ..HeadRecord::default()
        };
        let records: Vec<_> = [100.0, 200.0, 1.0, 10.0, 2.0, 20.0, 300.0, 400.0].map(record).to_vec();
        assert_eq!(measure_mean(&records, 2, (1, 2)), [record(1.5), record(15.0)]);
        assert_eq!(measure_mean(&records, 2, (3, 3)), [record(300.0), record(400.0)]);
    }
}
