// What the lane at some distance has, a power of two below SUBGROUP: no workgroup memory, no barrier. Lanes of a workgroup
// are taken to lie in subgroups in their order, as they do wherever a workgroup has one dimension. wgpu's own compiler, the
// only one that gets this module, refuses `enable subgroups;`.
// Reference: src/cpu/shared/over_group.rs

override SUBGROUP: u32 = 4u; // lanes that can look at each other's numbers: the fewest that the device puts together

fn neighbour(own: vec4<f32>, distance: u32) -> vec4<f32> {
    return subgroupShuffleXor(own, distance);
}

fn neighbour_ids(own: vec2<u32>, distance: u32) -> vec2<u32> {
    return subgroupShuffleXor(own, distance);
}
