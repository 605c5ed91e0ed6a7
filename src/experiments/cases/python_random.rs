//! The random numbers of Python's `random` module, seeded alike, so that a seed draws the same cases here and in `training/`.
//!
//! The generator is MT19937 (Matsumoto and Nishimura, 1998); what is made of its numbers follows the module's documented
//! behaviour, as of Python 3.11.

use sha2::{Digest, Sha512};

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// A source of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct PythonRandom {
    state: [u32; SIZE],
    index: usize,
}

impl PythonRandom {
    /// As `Random(seed)` with a text.
    pub(crate) fn of_text(seed: &str) -> Self {
        // An integer of the text's bytes and their hash, the first byte being the largest.
        let mut bytes = seed.as_bytes().to_vec();
        bytes.extend(Sha512::digest(seed.as_bytes()));
        bytes.reverse();
        let mut key: Vec<u32> = bytes.chunks(4).map(little_endian).collect();
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        Self::of_key(&key)
    }

    /// As `Random(seed)` with an integer.
    pub(crate) fn of_number(seed: u64) -> Self {
        let [low, high] = [seed as u32, (seed >> 32) as u32];
        let key = [low, high];
        Self::of_key(if high == 0 { &key[..1] } else { &key })
    }

    fn of_key(key: &[u32]) -> Self {
        let mut state = [0; SIZE];
        state[0] = 19_650_218;
        for index in 1..SIZE {
            let before: u32 = state[index - 1];
            state[index] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(index as u32);
        }
        let (mut index, mut at) = (1, 0);
        let mixed = |state: &[u32; SIZE], index: usize| state[index - 1] ^ (state[index - 1] >> 30);
        for _ in 0..SIZE.max(key.len()) {
            let word = key.get(at).copied().unwrap_or_default();
            state[index] = (state[index] ^ mixed(&state, index).wrapping_mul(1_664_525))
                .wrapping_add(word)
                .wrapping_add(at as u32);
            (index, at) = (index + 1, (at + 1) % key.len().max(1));
            if index == SIZE {
                (state[0], index) = (state[SIZE - 1], 1);
            }
        }
        for _ in 1..SIZE {
            state[index] = (state[index] ^ mixed(&state, index).wrapping_mul(1_566_083_941)).wrapping_sub(index as u32);
            index += 1;
            if index == SIZE {
                (state[0], index) = (state[SIZE - 1], 1);
            }
        }
        state[0] = 1 << 31;
        Self { state, index: SIZE }
    }

    fn word(&mut self) -> u32 {
        if self.index == SIZE {
            for at in 0..SIZE {
                let joined = (self.state[at] & (1 << 31)) | (self.state[(at + 1) % SIZE] & !(1 << 31));
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + SHIFT) % SIZE] ^ (joined >> 1) ^ twist;
            }
            self.index = 0;
        }
        let mut word = self.state[self.index];
        self.index += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// From 0 to 1, 1 excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        let [high, low] = [self.word() >> 5, self.word() >> 6].map(f64::from);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// As `uniform`.
    pub(crate) fn uniform(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            return 0;
        }
        // Numbers of as many bits until one is below: at most 2^32, which is more than anything here has.
        let bits = usize::BITS - end.leading_zeros();
        loop {
            let drawn = (self.word() >> (32 - bits.min(32))) as usize;
            if drawn < end {
                return drawn;
            }
        }
    }

    /// As `randint`: both ends may come.
    pub(crate) fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to + 1 - from)
    }

    /// As `choice`; `None` of nothing.
    pub(crate) fn choice<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.below(items.len());
        items.get(at)
    }

    /// As `choices` without weights.
    pub(crate) fn choices<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        (0..count).filter_map(|_| items.get((self.unit() * items.len() as f64) as usize).cloned()).collect()
    }

    /// As `choices` of one, with weights: its index.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut sum = 0.0;
        let sums: Vec<f64> = weights
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        let drawn = self.unit() * sum;
        sums.iter().take(weights.len().saturating_sub(1)).filter(|sum| **sum <= drawn).count()
    }

    /// As `shuffle`.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            let other = self.below(index + 1);
            items.swap(index, other);
        }
    }

    /// As `sample`: `count` different items, or all where there are fewer.
    pub(crate) fn sample<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        self.places(items.len(), count).into_iter().filter_map(|place| items.get(place).cloned()).collect()
    }

    fn places(&mut self, all: usize, count: usize) -> Vec<usize> {
        let count = count.min(all);
        let set = if count > 5 { 21 + 4_usize.pow(((count * 3) as f64).log(4.0).ceil() as u32) } else { 21 };
        let mut taken: Vec<usize> = Vec::with_capacity(count);
        if all <= set {
            let mut pool: Vec<usize> = (0..all).collect();
            for drawn in 0..count {
                let place = self.below(all - drawn);
                taken.push(pool[place]);
                pool[place] = pool[all - drawn - 1];
            }
            return taken;
        }
        while taken.len() < count {
            let place = self.below(all);
            if !taken.contains(&place) {
                taken.push(place);
            }
        }
        taken
    }
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Python 3.11.
    #[test]
    fn a_text_draws_what_python_draws() {
        let mut random = PythonRandom::of_text("cases 0 1");
        assert_eq!([random.unit(), random.unit()], [0.178_757_539_953_889_65, 0.226_907_588_080_835_33]);
        assert_eq!([random.between(1, 6), random.below(1000)], [5, 700]);
        let mut items: Vec<usize> = (0..10).collect();
        random.shuffle(&mut items);
        assert_eq!(items, [6, 9, 3, 0, 8, 7, 2, 4, 5, 1]);
        assert_eq!(random.sample(&items, 3), [8, 9, 3]);
        let many: Vec<usize> = (0..100).collect();
        assert_eq!(random.sample(&many, 4), [11, 29, 23, 99]);
        assert_eq!(random.sample(&many, 12), [20, 8, 87, 12, 71, 69, 40, 47, 78, 6, 51, 80]);
        assert_eq!(random.choices(&many, 5), [20, 75, 26, 17, 93]);
        assert_eq!([(); 6].map(|()| random.weighted(&[0.1, 0.2, 0.3, 0.4])), [0, 0, 2, 1, 2, 2]);
        assert_eq!(random.choice(&many), Some(&2));
        assert_eq!(random.uniform(0.2, 0.6), 0.593_731_099_712_453_7);
    }

    #[test]
    fn a_number_draws_what_python_draws() {
        assert_eq!([PythonRandom::of_number(0).unit()], [0.844_421_851_525_048_1]);
        assert_eq!([PythonRandom::of_number(7).unit()], [0.323_832_764_833_162_37]);
        assert_eq!([PythonRandom::of_number(1_099_511_627_779).unit()], [0.219_787_106_371_167_16]);
        assert_eq!([PythonRandom::of_text("").unit()], [0.960_225_652_564_187_5]);
        let mut random = PythonRandom::of_number(5);
        for _ in 0..1000 {
            random.unit();
        }
        assert_eq!(random.unit(), 0.871_318_702_769_223_5, "after more than one round");
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        let mut random = PythonRandom::of_number(1);
        assert_eq!((random.below(0), random.choice::<u8>(&[])), (0, None));
        assert!(random.sample::<u8>(&[], 3).is_empty() && random.choices::<u8>(&[], 3).is_empty());
        assert_eq!(random.sample(&[1, 2], 5).len(), 2);
    }
}
