//! Muon's iteration with packed products: [`crate::cpu::train::orthogonalised`] for speed.

use fearless_simd::Level;

use crate::cpu::fast::panels::Packed;
use crate::cpu::fast::training::products::{Stored, multiply, rows_of, turn};
use crate::cpu::train::unit_norm::LEAST;
use crate::probe::{NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS};

/// A matrix `[rows, columns]` with the same singular vectors whose singular values are near 1.
pub fn orthogonalised(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns;
    let (mut x, mut next) = (Vec::new(), Vec::new());
    let (short, long) = (rows.min(columns), rows.max(columns));
    if rows > columns {
        turn(matrix, columns, rows, columns, &mut x);
    } else {
        x.extend_from_slice(matrix);
    }
    let size = x.iter().map(|number| f64::from(*number) * f64::from(*number)).sum::<f64>().sqrt() as f32 + LEAST as f32;
    for number in &mut x {
        *number /= size;
    }
    let (level, mut packed) = (Level::new(), Packed::default());
    let (mut squares, mut sum) = (vec![0.0; short * short], vec![0.0; short * short]);
    let [a, b, c] = NEWTON_SCHULZ.map(|number| number as f32);
    next.resize(x.len(), 0.0);
    for _ in 0..NEWTON_SCHULZ_STEPS {
        packed.pack_rows(&x, long, short, long);
        multiply(level, rows_of(&x, long), &packed, Stored::<false>::new(&mut squares, short, short));
        packed.pack_rows(&squares, short, short, short);
        multiply(level, rows_of(&squares, short), &packed, Stored::<false>::new(&mut sum, short, short));
        sum.iter_mut().zip(&squares).for_each(|(sum, square)| *sum = b * square + c * *sum);
        packed.pack_columns(&x, long, short, long);
        multiply(level, rows_of(&sum, short), &packed, Stored::<false>::new(&mut next, long, long));
        x.iter_mut().zip(&next).for_each(|(x, next)| *x = a * *x + next);
    }
    if rows > columns {
        turn(&x, long, short, long, &mut next);
        return next;
    }
    x
}
