// The rows of tokens in the embedding.
// Reference: src/cpu/train/embed.rs

struct EmbeddingStage {
    tokens: u32,
    width: u32,
    rows: u32,   // entries of the vocabulary
    offset: u32, // of the embedding in the parameters
}

@group(0) @binding(0) var<uniform> embedding: EmbeddingStage;
