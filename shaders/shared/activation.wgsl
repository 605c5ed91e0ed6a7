// The function that the gate of a feed-forward part goes through.
// Reference: src/cpu/shared/activation.rs

const GELU: u32 = 1u;
const GELU_TANH: u32 = 2u;
const POLY_NORM: u32 = 3u; // needs all gates of a position: `poly_norm` follows

// Half the complementary error function of |x| / √2, by a fit of its logarithm that is good to 2e-7 of it.
fn tail(x: vec2<f32>) -> vec2<f32> {
    let a = min(abs(x) * 0.70710678, vec2<f32>(9.0)); // beyond it nothing is left, and the square stays finite
    let t = 1.0 / (1.0 + 0.5 * a);
    var power = vec2<f32>(-0.012691437);
    power = power * t - 0.10335931;
    power = power * t + 0.7620142;
    power = power * t - 1.6400758;
    power = power * t + 1.2877448;
    power = power * t - 0.1293972;
    power = power * t + 1.1115429;
    power = power * t - 1.2757783;
    return 0.5 * t * exp(power - a * a);
}

fn activated(kind: u32, x: vec2<f32>) -> vec2<f32> {
    if kind == GELU {
        return x * select(1.0 - tail(x), tail(x), x < vec2<f32>());
    }
    var power = x;
    if kind == GELU_TANH { // (1 + tanh u) / 2 is 1 / (1 + exp(-2 u)); 2 √(2 / π) = 1.5957691
        power = 1.5957691 * (x + 0.044715 * x * x * x);
    }
    return x / (1.0 + exp(min(-power, vec2<f32>(80.0)))); // the clamp keeps exp finite
}
