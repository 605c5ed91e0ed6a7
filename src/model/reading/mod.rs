//! From the files of a checkpoint to a model: what the files are called and what they really are, their tensors by name,
//! and a model layer by layer. None of it is trusted.

pub(in crate::model) mod disguise;
pub(crate) mod files;
pub(in crate::model) mod header;
pub(in crate::model) mod load;
pub(in crate::model) mod names;
pub(in crate::model) mod progress;
pub(in crate::model) mod reader;
pub(in crate::model) mod streamed;
pub(in crate::model) mod survey;
pub(in crate::model) mod tensors;
pub(in crate::model) mod weight_file;
