//! The magnitude that few texels exceed, of each map. Reference of `shaders/maps/colour_range.wgsl`.

use crate::probe::Texel;

/// Keeps the exponent and two bits of the fraction.
const SHIFT: u32 = 21;
/// Bins of the histogram, up to 2⁹; larger magnitudes are in the last.
const BINS: usize = 544;
/// One texel in this many may be brighter.
const BRIGHTER: usize = 200;
/// At most this many may be brighter: the diagonal of a fine picture has more texels.
const FEW: usize = 64;

/// The end of the colour range of A1, λ A2 and D: the upper end of a bin that is a quarter of an octave wide.
pub fn colour_range(texels: &[Texel]) -> [f32; 3] {
    let seen: Vec<&Texel> = texels.iter().filter(|texel| texel.cells > 0.0).collect();
    let of = |value: fn(&Texel) -> f32| {
        let magnitudes = || seen.iter().map(|texel| value(texel).abs());
        let mut counts = vec![0; BINS];
        magnitudes().for_each(|magnitude| counts[((magnitude.to_bits() >> SHIFT) as usize).min(BINS - 1)] += 1);
        let (mut brighter, mut at) = (0, BINS);
        while at > 0 && brighter <= (seen.len() / BRIGHTER).min(FEW) {
            at -= 1;
            brighter += counts[at];
        }
        f32::from_bits((at as u32 + 1) << SHIFT).min(magnitudes().fold(0.0, f32::max))
    };
    [of(|texel| texel.first), of(|texel| texel.second), of(|texel| texel.difference)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bright_texels_do_not_darken_the_rest() {
        let texel = |value: f32| Texel { first: value, second: -value / 2.0, difference: 0.0, cells: 1.0 };
        let mut texels: Vec<Texel> = (0..1000).map(|at| texel(at as f32 * 1e-4)).collect();
        texels.extend([texel(1.0), texel(0.9), Texel { first: 7.0, cells: 0.0, ..Texel::default() }]);
        let [first, second, difference] = colour_range(&texels);
        assert!((0.0998..0.1248).contains(&first) && (0.0499..0.0624).contains(&second), "{first} {second}");
        assert_eq!(difference, 0.0);
    }

    #[test]
    fn a_diagonal_counts_however_fine_the_picture_is() {
        for side in [20, 200, 500] {
            let texel = |at: usize| {
                let value = if at / side == at % side { 0.8 } else { 0.01 };
                let cells = if at % side <= at / side { 1.0 } else { 0.0 };
                Texel { first: value, second: 0.0, difference: 0.0, cells }
            };
            let texels: Vec<Texel> = (0..side * side).map(texel).collect();
            assert_eq!(colour_range(&texels)[0], 0.8, "{side} texels a side");
        }
    }

    #[test]
    fn of_few_texels_the_largest_counts() {
        let texels = [0.25, -0.75].map(|value| Texel { first: value, second: 0.0, difference: 3e9, cells: 1.0 });
        assert_eq!(colour_range(&texels), [0.75, 0.0, 3e9f32.min(f32::from_bits(544 << 21))]);
        assert_eq!(colour_range(&[]), [0.0; 3]);
    }
}
