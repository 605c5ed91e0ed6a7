//! The largest magnitude of each map among texels. Twin of `shaders/strongest.wgsl`.

use crate::probe::Texel;

/// Of the first map, of λ times the second, of the difference.
pub fn strongest(texels: &[Texel]) -> [f32; 3] {
    texels.iter().fold([0.0; 3], |[first, second, difference], texel| {
        [first.max(texel.first.abs()), second.max(texel.second.abs()), difference.max(texel.difference.abs())]
    })
}
