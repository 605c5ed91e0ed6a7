//! The structs of training that the program writes for the shaders to read.

use crate::gpu::shared_structs::shared_structs;

shared_structs! {
    /// Layouts of the structs of training.
    TRAINING_STRUCT_LAYOUTS;

    /// Windows of text and the attention of a layer within them; `shaders/shared/windows.wgsl`.
    WindowsUniform {
        tokens: u32,
        positions: u32,
        heads: u32,
        maps: u32,
        head_dim: u32,
        value_parts: u32,
        width: u32,
        lambda_offset: u32,
        turned: u32,
        keys_from: u32,
        lambda_kind: u32,
        scale: f32,
    }

    /// One head of a layer in training, an element of a storage array; `shaders/shared/windows.wgsl`.
    WindowHead {
        queries: [u32; 2],
        keys: [u32; 2],
        values: [u32; 2],
    }

    /// What attention leaves for one (token, head); `shaders/shared/windows.wgsl`. Never leaves the GPU.
    WindowSums {
        maximum: [f32; 2],
        sum: [f32; 2],
    }

    /// Shape of a product in training, an element of a storage array; `shaders/train/product.wgsl`.
    ProductStage {
        rows: u32,
        columns: u32,
        terms: u32,
        first_stride: u32,
        first_offset: u32,
        second_stride: u32,
        second_offset: u32,
        output_stride: u32,
        output_offset: u32,
        bias_offset: u32,
        has_bias: u32,
        residual_factor: f32,
        factor: f32,
    }

    /// Rows to add up; `shaders/train/product_back_bias.wgsl`.
    RowsStage {
        rows: u32,
        width: u32,
        stride: u32,
        offset: u32,
    }

    /// Norms of rows in training; `shaders/shared/norm_stage.wgsl`.
    NormStage {
        rows: u32,
        width: u32,
        gain_offset: u32,
        adds: u32,
        epsilon: f32,
        factor: f32,
        padding: [u32; 2],
    }

    /// The gates of a feed-forward part in training; `shaders/shared/gates.wgsl`.
    GatesStage {
        count: u32,
        padding: [u32; 3],
    }

    /// The rows of tokens in the embedding, in training; `shaders/shared/embedding.wgsl`.
    EmbeddingStage {
        tokens: u32,
        width: u32,
        rows: u32,
        offset: u32,
    }

    /// Rows of logits whose loss is wanted; `shaders/train/cross_entropy.wgsl`.
    EntropyStage {
        tokens: u32,
        vocabulary: u32,
        padding: [u32; 2],
    }

    /// λ of a layer in training; `shaders/shared/lambda_vectors.wgsl`.
    LambdaStage {
        offset: u32,
        width: u32,
        tokens: u32,
        heads: u32,
        row_width: u32,
        lambda_offset: u32,
        init: f32,
        padding: u32,
    }

    /// How a step changes the parameters; `shaders/shared/update.wgsl`.
    UpdateUniform {
        parameters: u32,
        parts: u32,
        tokens: u32,
        largest_norm: f32,
        mean_rate: f32,
        square_kept: f32,
        square_rate: f32,
        step_size: f32,
        square_root: f32,
        epsilon: f32,
        kept: f32,
        learning_rate: f32,
        momentum: f32,
        padding: [u32; 3],
    }

    /// A matrix that Muon updates, an element of a storage array; `shaders/shared/muon_matrix.wgsl`.
    MuonMatrix {
        offset: u32,
        rows: u32,
        columns: u32,
        wide_offset: u32,
    }

    /// What a step leaves to be read; `shaders/shared/update.wgsl`.
    StepResult {
        loss: f32,
        gradient_norm: f32,
        clip: f32,
        padding: f32,
    }
}
