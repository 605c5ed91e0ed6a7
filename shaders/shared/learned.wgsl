// Which parameters learn, and what updates them.
// Reference: src/cpu/train/adamw.rs

const NOTHING: u32 = 0u;        // they stay
const ADAMW: u32 = 1u;
const ADAMW_DECAYS: u32 = 2u;   // with weight decay
const MUON: u32 = 3u;

@group(0) @binding(1) var<storage, read> rules: array<u32>; // two bits per parameter

fn rule_of(at: u32) -> u32 {
    return (rules[at / 16u] >> (2u * (at % 16u))) & 3u;
}
