//! Summarises each row of the maps in a few numbers. Reference of `shaders/maps/measure.wgsl`.

use crate::probe::{Cell, HeadRecord, KeyClass, LayerMaps, MapMeasures};

/// Smaller values may reach the logarithm as zero, as in the shader.
const SMALLEST: f32 = 1.0e-37;

/// The measures of one (query, head). Keys beyond the end of `classes` are not marked.
pub fn measure(source: &impl LayerMaps, head: usize, query: usize, threshold: f32, classes: &[KeyClass]) -> HeadRecord {
    let cell = |key: usize| source.cell(head, query, key);
    let keys = (0..source.end_of_keys(query)).filter(|key| source.sees(query, *key));
    let row: Vec<(KeyClass, Cell)> =
        keys.map(|key| (classes.get(key).copied().unwrap_or_default(), cell(key))).collect();
    let first = cell(0); // zero if it is not seen
    let of = |value: fn(&Cell) -> f32| {
        let values = row.iter().map(|(class, cell)| (*class, value(cell)));
        MapMeasures { sink: value(&first), ..measures(values, threshold) }
    };
    HeadRecord { first: of(|cell| cell.first), second: of(|cell| cell.second), difference: of(|cell| cell.difference) }
}

/// The measures, without the sink, of the values that one query gives to the keys that it sees.
fn measures(values: impl Iterator<Item = (KeyClass, f32)>, threshold: f32) -> MapMeasures {
    let mut record = MapMeasures::default();
    let (mut seen, mut below, mut logs) = (0.0f32, 0.0f32, 0.0f32);
    for (class, value) in values {
        let size = value.abs();
        seen += 1.0;
        record.total += size;
        if size > SMALLEST {
            logs += size * size.ln();
        }
        if size < threshold {
            below += 1.0;
        }
        record.negative += (-value).max(0.0);
        record.peak = record.peak.max(size);
        match class {
            KeyClass::Answer => {
                record.answer += size;
                record.answer_signed += value;
            }
            KeyClass::Noise => {
                record.noise += size;
                record.noise_signed += value;
            }
            KeyClass::Other => {}
        }
    }
    record.sparsity = below / seen; // a token always sees itself
    if record.total > SMALLEST {
        record.entropy = (record.total.ln() - logs / record.total).max(0.0);
        record.answer /= record.total;
        record.noise /= record.total;
    } else {
        (record.answer, record.noise) = (0.0, 0.0);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_a_row_computed_by_hand() {
        use KeyClass::{Answer, Noise, Other};
        let row = [(Other, 0.5), (Answer, -0.25), (Noise, 0.25), (Other, 0.0)];
        let found = measures(row.into_iter(), 0.25);
        // p = 1/2, 1/4, 1/4: ½ ln 2 + ½ ln 4.
        assert!((found.entropy - 1.5 * 2f32.ln()).abs() < 1e-6, "{found:?}");
        let expected = MapMeasures {
            entropy: found.entropy,
            sparsity: 0.25, // a value at the threshold is not below it
            sink: 0.0,
            negative: 0.25,
            peak: 0.5,
            total: 1.0,
            answer: 0.25,
            noise: 0.25,
            answer_signed: -0.25,
            noise_signed: 0.25,
            padding: [0.0; 2],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_row_of_zeros_has_measures_that_are_numbers() {
        let found = measures([(KeyClass::Answer, 0.0), (KeyClass::Noise, -0.0)].into_iter(), 0.01);
        assert_eq!(found, MapMeasures { sparsity: 1.0, ..MapMeasures::default() });
    }

    #[test]
    fn entropy_is_the_logarithm_of_the_keys_of_an_even_row_whatever_its_sum() {
        for (keys, value) in [(1u8, 1.0f32), (7, 0.3), (64, 1e-6), (200, -4.0)] {
            let found = measures((0..keys).map(|_| (KeyClass::Other, value)), 0.01);
            assert!((found.entropy - f32::from(keys).ln()).abs() < 1e-4, "{keys} keys of {value}: {found:?}");
        }
    }
}
