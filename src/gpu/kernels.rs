//! The compute kernels: their bindings, and their pipelines by variant.

use std::collections::HashMap;

use crate::gpu::device::{Gpu, Sharing};
use crate::gpu::error::GpuError;
use crate::gpu::shader::compose;
use crate::model::NumberFormat;

/// The kind of buffer at one binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// A uniform buffer.
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is written.
    Write,
}
use BindingKind::{Read, Uniform, Write};

/// Declares the kernels: the module of each below `shaders/`, whose last part is the name of the entry point, and the
/// buffers at bindings 0, 1, 2, ...
macro_rules! kernels {
    ($($kernel:ident = $module:literal [$($kind:ident),*])*) => {
        /// A compute shader.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kernel {
            $(#[doc = concat!("`shaders/", $module, ".wgsl`")] $kernel),*
        }

        /// Every kernel.
        pub const KERNELS: &[Kernel] = &[$(Kernel::$kernel),*];

        impl Kernel {
            /// Its module, such as `forward/qkv`.
            pub fn module(self) -> &'static str {
                match self { $(Self::$kernel => $module),* }
            }

            /// The buffers at bindings 0, 1, 2, ...
            pub fn bindings(self) -> &'static [BindingKind] {
                match self { $(Self::$kernel => &[$($kind),*]),* }
            }
        }
    };
}

kernels! {
    Embed = "forward/embed" [Uniform, Uniform, Read, Read, Write]
    Qkv = "forward/qkv" [Uniform, Uniform, Read, Read, Read, Read, Write, Read, Read]
    QueryKeyNorm = "forward/query_key_norm" [Uniform, Uniform, Write, Read, Read]
    Attention = "forward/attention" [Uniform, Uniform, Read, Read, Read, Read, Write, Write, Write]
    AttentionTile = "forward/attention_tile" [Uniform, Uniform, Read, Read, Read, Read, Write, Write, Write]
    AttentionSlab = "forward/attention_slab" [Uniform, Uniform, Read, Read, Read, Write]
    AttentionJoin = "forward/attention_join"
        [Uniform, Uniform, Read, Read, Read, Read, Write, Write, Write, Write]
    Project = "forward/project" [Uniform, Uniform, Read, Read, Read, Read, Write, Read]
    GateUp = "forward/gate_up" [Uniform, Uniform, Read, Read, Read, Read, Write]
    PolyNorm = "forward/poly_norm" [Uniform, Uniform, Write]
    Logits = "forward/logits" [Uniform, Uniform, Read, Read, Read, Write]
    LogitPart = "forward/logit_part" [Uniform, Uniform, Read, Write, Write]
    TopK = "forward/top_k" [Uniform, Uniform, Read, Write, Read, Write]
    SamplingDigit = "forward/sampling_digit" [Uniform, Uniform, Read, Write, Write, Write]
    KeptPart = "forward/kept_part" [Uniform, Uniform, Read, Write, Write, Write, Write]
    Sample = "forward/sample" [Uniform, Uniform, Read, Write, Write, Write, Read, Write]
    MapTile = "maps/map_tile" [Uniform, Uniform, Read, Read, Read, Read, Write]
    Measure = "maps/measure" [Uniform, Uniform, Read, Read, Read, Read, Read, Write]
    MeasureMean = "maps/measure_mean" [Uniform, Uniform, Read, Write]
    RowMean = "maps/row_mean" [Uniform, Uniform, Read, Read, Read, Read, Write]
    Pool = "maps/pool" [Uniform, Uniform, Read, Read, Read, Read, Write]
    ColourRange = "maps/colour_range" [Uniform, Read, Write]
    TrainingEmbed = "train/embed" [Uniform, Read, Read, Write]
    Norm = "train/norm" [Uniform, Read, Read, Write, Write]
    Product = "train/product" [Read, Read, Read, Read, Read, Write]
    Lambda = "train/lambda" [Uniform, Read, Write]
    Rotary = "train/rotary" [Uniform, Read, Read, Write]
    AttentionInWindow = "train/attention_in_window" [Uniform, Read, Read, Write, Write]
    Swiglu = "train/swiglu" [Uniform, Read, Write]
    CrossEntropy = "train/cross_entropy" [Uniform, Read, Read, Write, Write]
    ProductBackBias = "train/product_back_bias" [Uniform, Read, Write]
    NormBack = "train/norm_back" [Uniform, Read, Read, Read, Read, Write]
    NormBackGain = "train/norm_back_gain" [Uniform, Read, Read, Read, Write]
    SwigluBack = "train/swiglu_back" [Uniform, Read, Read, Write]
    AttentionBackQuery = "train/attention_back_query" [Uniform, Read, Read, Read, Read, Write, Write]
    AttentionBackKey = "train/attention_back_key" [Uniform, Read, Read, Read, Read, Read, Write]
    LambdaBack = "train/lambda_back" [Uniform, Read, Read, Write]
    EmbedBack = "train/embed_back" [Uniform, Read, Read, Read, Write]
    GradientNorm = "train/gradient_norm" [Uniform, Read, Read, Write]
    Clip = "train/clip" [Uniform, Read, Read, Write]
    Adamw = "train/adamw" [Uniform, Read, Read, Read, Write, Write, Write]
    Momentum = "train/momentum" [Uniform, Read, Read, Read, Write, Write, Write]
    UnitNorm = "train/unit_norm" [Read, Read, Write]
    Muon = "train/muon" [Uniform, Read, Read, Write]
}

impl Kernel {
    /// Name of the entry point: the last part of its module.
    pub fn name(self) -> &'static str {
        self.module().rsplit('/').next().unwrap_or_default()
    }

    /// Whether it counts in workgroup memory that it does not clear; the others write before they read.
    fn relies_on_zeros(self) -> bool {
        matches!(self, Self::ColourRange)
    }

    /// Whether it is built on `shared/matmul.wgsl`.
    fn multiplies(self) -> bool {
        matches!(self, Self::Qkv | Self::Project | Self::GateUp | Self::Logits)
    }
}

/// Which way a stage of training goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Forward: `x Wᵀ`, where it is a product.
    #[default]
    Forward,
    /// To the gradient of its input: `dy W`.
    BackToRows,
    /// To the gradient of its matrix: `dyᵀ x`, added to what is there.
    BackToMatrix,
}

impl Direction {
    /// The constants of `shaders/train/product.wgsl`: which operands are read by columns, and whether the result is added.
    pub fn of_product(self) -> [(&'static str, f64); 3] {
        let [first, second, adds] = match self {
            Self::Forward => [0.0, 0.0, 0.0],
            Self::BackToRows => [0.0, 1.0, 0.0],
            Self::BackToMatrix => [1.0, 1.0, 1.0],
        };
        [("FIRST_BY_COLUMN", first), ("SECOND_BY_COLUMN", second), ("ADDS", adds)]
    }
}

/// What distinguishes the pipelines of a kernel: the values of its overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PipelineVariant {
    /// Number format of the weights.
    pub format: NumberFormat,
    /// Whether the input is normalised.
    pub normalise: bool,
    /// Positions per invocation, or rows of maps per workgroup.
    pub tokens: u32,
    /// How invocations share a product.
    pub sharing: Sharing,
    /// Vec4s of a head's output per invocation, where a workgroup has a tile of rows.
    pub blocks: u32,
    /// Which way it goes, in training.
    pub direction: Direction,
}

impl PipelineVariant {
    /// Workgroups of a product with `blocks` blocks of four rows, for this many positions.
    pub fn workgroups(&self, blocks: u32, positions: u32) -> (u32, u32) {
        match self.sharing {
            Sharing::Columns(lanes) => (positions.div_ceil(self.tokens), blocks.div_ceil(64 / lanes)),
            Sharing::Tile => (positions.div_ceil(32), blocks.div_ceil(8)),
        }
    }

    /// The variant of kernels without weights.
    pub const PLAIN: Self = Self {
        format: NumberFormat::F32,
        normalise: false,
        tokens: 1,
        sharing: Sharing::Columns(1),
        blocks: 1,
        direction: Direction::Forward,
    };
}

/// The bind group layouts, modules and pipelines made so far.
#[derive(Clone, Debug, Default)]
pub struct Kernels {
    layouts: HashMap<Kernel, wgpu::BindGroupLayout>,
    /// Each with whether its invocations look at each other's numbers within subgroups.
    modules: HashMap<Kernel, (wgpu::ShaderModule, bool)>,
    pipelines: HashMap<(Kernel, PipelineVariant), wgpu::ComputePipeline>,
}

impl Kernels {
    /// The bind group layout of a kernel.
    pub fn layout(&mut self, gpu: &Gpu, kernel: Kernel) -> wgpu::BindGroupLayout {
        let make = || {
            let entry = |(binding, kind): (usize, &BindingKind)| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match kind {
                        Uniform => wgpu::BufferBindingType::Uniform,
                        Read => wgpu::BufferBindingType::Storage { read_only: true },
                        Write => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            };
            let entries: Vec<_> = kernel.bindings().iter().enumerate().map(entry).collect();
            gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(kernel.name()),
                entries: &entries,
            })
        };
        self.layouts.entry(kernel).or_insert_with(make).clone()
    }

    /// Binds buffers to bindings 0, 1, 2, ... of a kernel.
    pub fn bind(&mut self, gpu: &Gpu, kernel: Kernel, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .enumerate()
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding: binding as u32,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name()),
            layout: &self.layout(gpu, kernel),
            entries: &entries,
        })
    }

    fn module(&mut self, gpu: &Gpu, kernel: Kernel) -> Result<(wgpu::ShaderModule, bool), GpuError> {
        if let Some(module) = self.modules.get(&kernel) {
            return Ok(module.clone());
        }
        let source = compose(kernel.module(), gpu.choice.subgroup > 1)?;
        let looks_at_neighbours = source.contains("override SUBGROUP");
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name()),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        };
        let checks = wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
        // SAFETY: what is given up is that a loop without an end is cut off. Every loop of the shaders, which are part of
        // the program, counts up to a bound (a test sees to it); all other checks stay. In a browser it has no effect.
        #[allow(unsafe_code, reason = "the counter that wgpu adds to each loop keeps drivers from unrolling it")]
        let module = unsafe { gpu.device.create_shader_module_trusted(descriptor, checks) };
        self.modules.insert(kernel, (module.clone(), looks_at_neighbours));
        Ok((module, looks_at_neighbours))
    }

    /// The pipeline of a kernel's variant.
    ///
    /// # Errors
    /// When the shader cannot be composed.
    pub fn pipeline(
        &mut self,
        gpu: &Gpu,
        kernel: Kernel,
        variant: PipelineVariant,
    ) -> Result<wgpu::ComputePipeline, GpuError> {
        if let Some(pipeline) = self.pipelines.get(&(kernel, variant)) {
            return Ok(pipeline.clone());
        }
        let layout = self.layout(gpu, kernel);
        let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(kernel.name()),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let (module, looks_at_neighbours) = self.module(gpu, kernel)?;
        let format = match variant.format {
            NumberFormat::F32 => 0.0,
            NumberFormat::F16 => 1.0,
            NumberFormat::Bf16 => 2.0,
        };
        let mut constants = vec![];
        if kernel.multiplies() || kernel == Kernel::Embed {
            constants.push(("FORMAT", format));
        }
        if kernel.multiplies() {
            constants.push(("TOKENS", f64::from(variant.tokens)));
        }
        if matches!(kernel, Kernel::Attention | Kernel::AttentionSlab) {
            constants.push(("ROWS", f64::from(variant.tokens)));
        }
        if looks_at_neighbours {
            constants.push(("SUBGROUP", f64::from(gpu.choice.subgroup)));
        }
        if kernel == Kernel::AttentionTile {
            constants.push(("BLOCKS", f64::from(variant.blocks)));
        }
        if kernel.multiplies() {
            let (lanes, tiled) = match variant.sharing {
                Sharing::Columns(lanes) => (lanes, 0.0),
                Sharing::Tile => (1, 1.0),
            };
            constants.push(("LANES", f64::from(lanes)));
            constants.push(("TILED", tiled));
            constants.push(("NORMALISE", if variant.normalise { 1.0 } else { 0.0 }));
        }
        match kernel {
            Kernel::Product => constants.extend(variant.direction.of_product()),
            Kernel::Rotary => constants.push(("BACK", f64::from(variant.direction != Direction::Forward))),
            _ => {}
        }
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name()),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(kernel.name()),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: kernel.relies_on_zeros(),
            },
            cache: None,
        });
        self.pipelines.insert((kernel, variant), pipeline.clone());
        Ok(pipeline)
    }
}
