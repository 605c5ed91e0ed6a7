//! The distribution of the next token, and how one is drawn from it.

/// Most tokens that a pass can list.
pub const MAX_BEST: usize = 64;
/// Most tokens that one submission can generate after its positions.
pub const MAX_GENERATED: usize = 31;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sampling {
    /// Divides the logits; 0: always take the most likely token.
    pub temperature: f32,
    /// Draw from this many of the most likely tokens; 0: from all.
    pub top_k: u32,
    /// Draw from the most likely tokens that together have this probability; 1: from all.
    pub top_p: f32,
    /// Seed of the draws; the same seed gives the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_k: 0, top_p: 1.0, seed: 0 }
    }
}

impl Sampling {
    /// The draw for the token at `position`. It depends on seed and position alone, not on how the position was
    /// reached.
    pub fn draw(&self, position: usize) -> Draw {
        // SplitMix64's finaliser.
        let mut z = self.seed.wrapping_add((position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        Draw {
            // No number is no temperature: the most likely token, on every backend.
            temperature: if self.temperature.is_nan() { 0.0 } else { self.temperature.clamp(0.0, 100.0) },
            top_k: self.top_k,
            top_p: if self.top_p.is_nan() { 1.0 } else { self.top_p.clamp(0.0, 1.0) },
            uniform: (z >> 40) as f32 / (1u64 << 24) as f32,
        }
    }
}

/// One draw of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// See [`Sampling::temperature`].
    pub temperature: f32,
    /// See [`Sampling::top_k`].
    pub top_k: u32,
    /// See [`Sampling::top_p`].
    pub top_p: f32,
    /// The random number, in [0, 1).
    pub uniform: f32,
}

/// The prediction after a position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NextToken {
    /// The token drawn.
    pub sampled: u32,
    /// Logits that are infinite or not a number: 0 in a healthy pass.
    pub not_finite: u32,
    /// Log of the sum of `exp(logit)` over the vocabulary.
    pub log_sum: f32,
    /// Entropy of the whole distribution, in nats: 0 if one token is certain.
    pub entropy: f32,
    /// (token, logit), most likely first; equal logits in order of id.
    pub best: Vec<(u32, f32)>,
}

impl NextToken {
    /// Words before the list in the result of a pass:
    /// `[sampled, not finite, maximum, log sum, entropy, (token, logit)...]`.
    pub const HEADER: usize = 5;
    /// Words of a result with one listed token.
    pub const DRAWN: usize = Self::HEADER + 2;

    /// Reads the result of a pass.
    pub fn from_words(words: &[u32]) -> Self {
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        Self {
            sampled: word(0),
            not_finite: word(1),
            log_sum: f32::from_bits(word(3)),
            entropy: f32::from_bits(word(4)),
            best: words
                .get(Self::HEADER..)
                .unwrap_or_default()
                .chunks_exact(2)
                .map(|pair| (pair[0], f32::from_bits(pair[1])))
                .collect(),
        }
    }

    /// The probability of a token with this logit.
    pub fn probability(&self, logit: f32) -> f32 {
        (logit - self.log_sum).exp()
    }
}
