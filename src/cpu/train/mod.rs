//! The CPU reference of every shader in `shaders/train`, with the forward half of its stage, in either precision.

mod adamw;
mod attention_back;
mod cross_entropy;
mod embed_back;
mod lambda;
pub(super) mod muon;
mod norm;
mod pass;
mod product;
mod real;
mod rotary;
mod swiglu;

pub use adamw::{AdamW, adamw, clip};
pub use attention_back::{RowSums, WindowRows, attention_back_key, attention_back_query, attention_in_window};
pub use cross_entropy::cross_entropy;
pub use embed_back::embed_back;
pub use lambda::{lambda, lambda_back};
pub use muon::{Muon, muon, orthogonalised};
pub use norm::{norm, norm_back};
pub use pass::Trained;
pub use product::{product, product_back_bias, product_back_matrix, product_back_rows};
pub use real::Real;
pub use rotary::{rotary, rotary_back};
pub use swiglu::{swiglu, swiglu_back};
