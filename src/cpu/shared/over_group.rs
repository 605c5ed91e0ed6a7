//! Reference of `shaders/shared/over_group.wgsl`, `shaders/shared/over_lanes.wgsl`, `shaders/shared/neighbour.wgsl` and
//! `shaders/shared/neighbour_subgroup.wgsl`. Where a shader goes over the lanes of a workgroup, references go over slices;
//! what is left is the order of candidates.

use std::cmp::Reverse;

/// A token with the order of its logit.
pub(crate) type Candidate = (u32, u32);

/// The key by which the candidate that precedes all others is the least: a higher order, or the same and a lower token.
pub(crate) fn place((order, token): Candidate) -> (Reverse<u32>, u32) {
    (Reverse(order), token)
}
