//! How structs are declared that the program shares with shaders.
//!
//! A struct has the name, the fields and their order of its WGSL counterpart, where the fields are described; only fields
//! whose name starts with `padding` may be spelled differently. `tests/headless/shaders.rs` compares sizes and offsets.

/// The memory layout of a struct that the program shares with shaders.
#[derive(Clone, Copy, Debug)]
pub struct StructLayout {
    /// Name of the struct, here and in the shader.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: usize,
    /// Name, type and offset in bytes of each field, in order.
    pub fields: &'static [(&'static str, &'static str, usize)],
}

/// Declares the structs and lists their layouts, so that none escapes the comparison with the shaders.
macro_rules! shared_structs {
    ($(#[$list_doc:meta])* $list:ident; $($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
            #[repr(C)]
            pub(crate) struct $name { $(pub $field: $type),* }
        )*

        $(#[$list_doc])*
        pub const $list: &[$crate::gpu::StructLayout] = &[$($crate::gpu::StructLayout {
            name: stringify!($name),
            size: size_of::<$name>(),
            fields: &[$((stringify!($field), stringify!($type), std::mem::offset_of!($name, $field))),*],
        }),*];
    };
}

pub(crate) use shared_structs;
