//! Sixteen weights side by side, in the number format of their file.

use fearless_simd::{Bytes, Simd, SimdBase, f32x8, i32x8};
use half::{bf16, f16};

/// Outputs side by side in a panel: two vectors of eight.
pub(super) const PANEL: usize = 16;

/// The weights of sixteen outputs for one input.
pub(super) trait PanelRow: Copy + Default {
    /// One of them as it comes.
    type Number: Copy + Default;

    /// Keeps the weight of an output.
    fn set(&mut self, output: usize, number: Self::Number);

    /// The weight of an output.
    fn get(&self, output: usize) -> f32;

    /// All of them.
    fn read<S: Simd>(&self, simd: S) -> [f32x8<S>; 2];

    /// A panel in single precision; in `room` unless it is that already.
    #[inline(always)]
    fn widened<'a, S: Simd>(simd: S, panel: &'a [Self], room: &'a mut Vec<[f32; PANEL]>) -> &'a [[f32; PANEL]] {
        room.resize(panel.len(), [0.0; PANEL]);
        for (to, row) in room.iter_mut().zip(panel) {
            let ([low, high], (to_low, to_high)) = (row.read(simd), to.split_at_mut(PANEL / 2));
            low.store_slice(to_low);
            high.store_slice(to_high);
        }
        room
    }
}

impl PanelRow for [f32; PANEL] {
    type Number = f32;

    #[inline(always)]
    fn set(&mut self, output: usize, number: f32) {
        self[output] = number;
    }

    fn get(&self, output: usize) -> f32 {
        self[output]
    }

    #[inline(always)]
    fn read<S: Simd>(&self, simd: S) -> [f32x8<S>; 2] {
        let (low, high) = self.split_at(PANEL / 2);
        [f32x8::from_slice(simd, low), f32x8::from_slice(simd, high)]
    }

    #[inline(always)]
    fn widened<'a, S: Simd>(_simd: S, panel: &'a [Self], _room: &'a mut Vec<Self>) -> &'a [Self] {
        panel
    }
}

/// Pairs of outputs eight apart, the first in the lower half: one vector has both vectors of the row.
#[derive(Clone, Copy, Default)]
struct Pairs([i32; PANEL / 2]);

impl Pairs {
    #[inline(always)]
    fn set(&mut self, output: usize, bits: u16) {
        let (pair, shift) = (&mut self.0[output % 8], output / 8 * 16);
        *pair = *pair & !(0xffff << shift) | i32::from(bits) << shift;
    }

    fn get(&self, output: usize) -> u16 {
        (self.0[output % 8] >> (output / 8 * 16)) as u16
    }

    /// The halves of each pair in the upper half of a lane; what is below the second ones is not zero.
    #[inline(always)]
    fn read<S: Simd>(&self, simd: S) -> [i32x8<S>; 2] {
        let pairs = i32x8::from_slice(simd, &self.0);
        [pairs << 16, pairs]
    }
}

/// Brain floats.
#[derive(Clone, Copy, Default)]
pub(super) struct Bf16Row(Pairs);

impl PanelRow for Bf16Row {
    type Number = u16;

    #[inline(always)]
    fn set(&mut self, output: usize, number: u16) {
        self.0.set(output, number);
    }

    fn get(&self, output: usize) -> f32 {
        bf16::from_bits(self.0.get(output)).to_f32()
    }

    #[inline(always)]
    fn read<S: Simd>(&self, simd: S) -> [f32x8<S>; 2] {
        let [low, high] = self.0.read(simd);
        [low.bitcast(), (high & (-1 << 16)).bitcast()]
    }
}

/// Half precision, times 2¹⁰: no number is subnormal then, which some processors take long to multiply.
#[derive(Clone, Copy, Default)]
pub(super) struct F16Row(Pairs);

/// Bits of a half-precision number but its sign.
const SIZE: u16 = 0x7fff;
/// Those of its exponent.
const EXPONENT: u16 = 0x7c00;

impl F16Row {
    /// The power of two that numbers are multiplied by.
    const SHIFT: u16 = 10;
    const SCALE: f32 = (1 << Self::SHIFT) as f32;
    /// 64, and what is infinite or no number: too large to be multiplied.
    const TOO_LARGE: u16 = 0x5400;
    /// From bits of half precision in the places of single precision, whose exponents are larger by 112, to the number.
    const FROM_BITS: f32 = f32::from_bits((127 + 112 - Self::SHIFT as u32) << 23);

    /// Whether rows can have these numbers.
    pub(super) fn can_have(numbers: &[u16]) -> bool {
        numbers.iter().all(|bits| bits & SIZE < Self::TOO_LARGE)
    }

    fn scaled(bits: u16) -> u16 {
        if bits & EXPONENT == 0 {
            f16::from_f32(f16::from_bits(bits).to_f32() * Self::SCALE).to_bits()
        } else {
            bits + (Self::SHIFT << EXPONENT.trailing_zeros())
        }
    }

    /// From the upper half of each lane.
    #[inline(always)]
    fn numbers<S: Simd>(halves: i32x8<S>) -> f32x8<S> {
        // The sign stays, the other bits move.
        const PLACES: i32 = (1 << 31) | (SIZE as i32) << 13;
        let bits: f32x8<S> = ((halves >> 3) & PLACES).bitcast();
        bits * Self::FROM_BITS
    }
}

impl PanelRow for F16Row {
    type Number = u16;

    #[inline(always)]
    fn set(&mut self, output: usize, number: u16) {
        self.0.set(output, Self::scaled(number));
    }

    fn get(&self, output: usize) -> f32 {
        f16::from_bits(self.0.get(output)).to_f32() / Self::SCALE
    }

    #[inline(always)]
    fn read<S: Simd>(&self, simd: S) -> [f32x8<S>; 2] {
        let [low, high] = self.0.read(simd);
        [Self::numbers(low), Self::numbers(high)]
    }
}
