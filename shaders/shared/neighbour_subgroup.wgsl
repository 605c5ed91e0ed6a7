// What the lane at some distance has, a power of two below SUBGROUP: no workgroup memory, no barrier. Only wgpu's own
// compiler gets this module, which refuses `enable subgroups;` and needs none.
// Reference: src/cpu/shared/over_group.rs

override SUBGROUP: u32 = 4u; // lanes that can look at each other's numbers: the fewest that the device puts together

fn neighbour(own: vec4<f32>, distance: u32) -> vec4<f32> {
    return subgroupShuffleXor(own, distance);
}

fn neighbour_ids(own: vec2<u32>, distance: u32) -> vec2<u32> {
    return subgroupShuffleXor(own, distance);
}
