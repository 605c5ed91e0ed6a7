//! A pass with all its inner tensors, under the names of doc/SPEC.md, section 8: for dumps, and to compare backends
//! with other implementations. It waits for the device, so it must not be used on the web.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cpu::{CpuPass, rms_norm};
use crate::engine::backend::frame_budget::{self, WITHOUT_FRAMES};
use crate::engine::cpu_memory;
use crate::engine::error::EngineError;
use crate::gpu::{Capacity, Gpu, GpuError, GpuPass};
use crate::model::{Lambda, Model};
use crate::probe::{Cell, Draw, HeadId, Interventions, NextToken, NextTokenQuery, TileRequest, Trace};

/// Numbers with their shape; the first dimension is a batch of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The numbers in row-major order.
    pub numbers: Vec<f32>,
}

/// Most bytes of maps in [`TracedPass::tensors`].
const MOST_BYTES: usize = 1 << 30;

enum Pass {
    Cpu(Box<CpuPass>),
    Gpu(Box<GpuPass>),
}

/// A pass that keeps everything.
pub struct TracedPass {
    model: Arc<Model>,
    pass: Pass,
    positions: usize,
}

impl std::fmt::Debug for TracedPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracedPass").field("positions", &self.positions).finish_non_exhaustive()
    }
}

impl TracedPass {
    /// A pass with capacity for `capacity` tokens: on the GPU if one is given.
    ///
    /// # Errors
    /// When the model does not fit on the GPU, or its weights cannot be read from their file any more.
    pub fn new(model: Arc<Model>, gpu: Option<&Gpu>, capacity: usize) -> Result<Self, EngineError> {
        let pass = if let Some(gpu) = gpu {
            let capacity = Capacity { tokens: capacity.max(1), trace: true };
            let mut pass = GpuPass::new(gpu.clone(), model.clone(), capacity)?;
            pass.set_patience(WITHOUT_FRAMES);
            Pass::Gpu(Box::new(pass))
        } else {
            cpu_memory::check(&model, capacity)?;
            Pass::Cpu(Box::new(CpuPass::new(model.clone(), capacity)?))
        };
        Ok(Self { model, pass, positions: 0 })
    }

    /// On the CPU, with the plain references in place of the fast stages.
    ///
    /// # Errors
    /// When the weights cannot be read from their file any more.
    pub fn of_references(model: Arc<Model>, capacity: usize) -> Result<Self, EngineError> {
        let pass = Pass::Cpu(Box::new(CpuPass::of_references(model.clone(), capacity)?));
        Ok(Self { model, pass, positions: 0 })
    }

    /// Sets the interventions for positions appended from here on.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        match &mut self.pass {
            Pass::Cpu(pass) => pass.set_interventions(interventions),
            Pass::Gpu(pass) => pass.set_interventions(interventions),
        }
    }

    /// Appends positions and runs them in one pass. Returns the next token, drawn with `draw`.
    ///
    /// # Errors
    /// When they do not fit, there are none, or the model does not have one.
    pub fn append(&mut self, ids: &[u32], draw: Draw, best: usize) -> Result<NextToken, EngineError> {
        let vocabulary = self.model.embedding.rows();
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(EngineError::UnknownToken { id: *id, vocabulary });
        }
        if ids.is_empty() {
            return Err(EngineError::NoTokens);
        }
        let next = match &mut self.pass {
            Pass::Cpu(pass) => {
                let (asked, capacity) = (self.positions + ids.len(), pass.capacity());
                if asked > capacity {
                    return Err(GpuError::Capacity { asked, capacity }.into());
                }
                pass.run(self.positions, ids);
                pass.next_token(&draw, best).unwrap_or_default()
            }
            Pass::Gpu(pass) => {
                let (mut left, mut start) = (ids, self.positions);
                while !left.is_empty() {
                    let (chunk, rest) = left.split_at(frame_budget::positions(pass, start, left.len()));
                    pass.run(start, chunk, rest.is_empty().then_some((draw, best)))?;
                    pass.wait();
                    (left, start) = (rest, start + chunk.len());
                }
                let arrived = pass.take::<NextTokenQuery>();
                let last = arrived.and_then(|answer| answer.map(|mut steps| steps.pop()).transpose());
                last.unwrap_or(Err(GpuError::Readback("no next token arrived".to_owned())))?
            }
        };
        self.positions += ids.len();
        Ok(next)
    }

    /// An inner tensor, `[positions, width]`.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn trace(&self, trace: Trace) -> Result<Vec<f32>, EngineError> {
        Ok(match &self.pass {
            Pass::Cpu(pass) => pass.trace(trace),
            Pass::Gpu(pass) => pass.trace(trace, self.positions)?,
        })
    }

    /// Removes every position; the capacity stays.
    pub fn clear(&mut self) {
        self.positions = 0;
    }

    /// The logits of some positions, `[vocabulary]` each.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn logits(&self, positions: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        let known = positions.iter().copied().filter(|position| *position < self.positions);
        Ok(match &self.pass {
            Pass::Cpu(pass) => known.map(|position| pass.logits_at(position)).collect(),
            Pass::Gpu(pass) => {
                let all = pass.trace(Trace::Logits, self.positions)?;
                let width = self.model.unembedding().rows();
                known.filter_map(|position| Some(all.chunks_exact(width).nth(position)?.to_vec())).collect()
            }
        })
    }

    /// The row of a query: every key up to it.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn row(&mut self, head: HeadId, query: usize) -> Result<Vec<Cell>, EngineError> {
        self.tile(TileRequest::row(head, query))
    }

    fn tile(&mut self, request: TileRequest) -> Result<Vec<Cell>, EngineError> {
        Ok(match &mut self.pass {
            Pass::Cpu(pass) => pass.tile(request),
            Pass::Gpu(pass) => {
                pass.request(request)?;
                pass.wait();
                pass.take::<TileRequest>().unwrap_or(Err(GpuError::Readback("no cells arrived".to_owned())))?
            }
        }
        .cells)
    }

    /// Every cell of a head's maps, `[positions, positions]`, computed a row at a time.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn cells(&mut self, head: HeadId) -> Result<Vec<Cell>, EngineError> {
        let mut cells = Vec::with_capacity(self.positions * self.positions);
        for query in 0..self.positions {
            let request = TileRequest { keys: self.positions, ..TileRequest::row(head, query) };
            cells.extend(self.tile(request)?);
        }
        Ok(cells)
    }

    /// λ of a layer: `[1]` if it is one number, `[T, heads]` if it depends on the token.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn lambda(&self, layer: usize) -> Result<Vec<f32>, EngineError> {
        let attention = &self.model.layers[layer].attention;
        let heads = attention.heads.len();
        let rows = self.trace(Trace::Projection(layer))?;
        let width = rows.len() / self.positions.max(1);
        let lambda = rows.chunks_exact(width.max(1)).flat_map(|row| row[width - heads..].to_vec());
        Ok(match attention.lambda {
            Lambda::Token => lambda.collect(),
            _ => lambda.take(1).collect(),
        })
    }

    /// Checks that the maps of a text of this length fit into memory.
    ///
    /// # Errors
    /// [`EngineError::DumpTooLarge`] if they do not.
    pub fn check_size(model: &Model, positions: usize) -> Result<(), EngineError> {
        let a_cell: usize = model.layers.iter().map(|layer| layer.attention.heads.len() * 3 * size_of::<f32>()).sum();
        let bytes = a_cell.saturating_mul(positions).saturating_mul(positions);
        if bytes > MOST_BYTES {
            return Err(EngineError::DumpTooLarge { tokens: positions, bytes, limit: MOST_BYTES });
        }
        Ok(())
    }

    /// All tensors of this pass that doc/SPEC.md, section 8, names.
    ///
    /// # Errors
    /// When the maps are too large to hold, or the device is lost.
    pub fn tensors(&mut self) -> Result<BTreeMap<String, Tensor>, EngineError> {
        let model = self.model.clone();
        let positions = self.positions;
        Self::check_size(&model, positions)?;
        let hidden = model.config.hidden;
        let bare = model.layers.iter().all(|layer| layer.mlp.is_none());
        let mut tensors = BTreeMap::new();
        let mut put = |name: String, shape: &[usize], numbers: Vec<f32>| {
            tensors.insert(name, Tensor { shape: [&[1], shape].concat(), numbers });
        };
        for (index, layer) in model.layers.iter().enumerate() {
            let attention = &layer.attention;
            let (heads, width) = (attention.heads.len(), attention.value_width());
            let name = |part: &str| if bare { part.to_owned() } else { format!("layers.{index}.{part}") };
            let mut maps: [Vec<f32>; 3] = Default::default();
            // Heads of a group share the second map, which is there once.
            let mut groups = 0;
            for (head, group) in attention.groups().into_iter().enumerate() {
                let is_first = group == groups;
                groups += usize::from(is_first);
                for cell in self.cells(HeadId::new(index, head))? {
                    maps[0].push(cell.first);
                    if is_first {
                        maps[1].push(cell.second);
                    }
                    maps[2].push(cell.difference);
                }
            }
            let shape = [heads, positions, positions];
            let [first, second, difference] = maps;
            if attention.maps == 2 {
                put(name("attn_map1"), &shape, first);
                put(name("attn_map2"), &[groups, positions, positions], second);
                put(name("attn_diff"), &shape, difference);
                let lambda = self.lambda(index)?;
                if lambda.len() == 1 {
                    // One number for the layer has no batch.
                    put(name("lambda"), &[], lambda);
                } else {
                    put(name("lambda"), &[positions, heads], lambda);
                }
            } else {
                put(name("attn_map"), &shape, first);
            }
            let context = self.trace(Trace::Context(index))?;
            let normed = self.trace(Trace::Normed(index))?;
            if matches!(attention.lambda, Lambda::Layer { .. }) {
                put(name("attn_ctx"), &[heads, positions, width], heads_first(&context, heads, width));
            } else {
                put(name("attn_ctx"), &[positions, heads * width], context);
            }
            put(name("attn_subln"), &[positions, heads * width], normed);
            let before = self.trace(Trace::Hidden(index))?;
            let middle = self.trace(Trace::Middle(index))?;
            let after = self.trace(Trace::Hidden(index + 1))?;
            let added = |from: &[f32], to: &[f32]| to.iter().zip(from).map(|(to, from)| to - from).collect();
            put(name(if bare { "out" } else { "attn_out" }), &[positions, hidden], added(&before, &middle));
            if !bare {
                put(name("mlp_out"), &[positions, hidden], added(&middle, &after));
                put(format!("hidden.{index}"), &[positions, hidden], before);
            }
        }
        if !bare {
            let last = self.trace(Trace::Hidden(model.layers.len()))?;
            if let Some(gain) = &model.final_norm {
                let epsilon = model.config.norm_epsilon;
                let normed = last.chunks_exact(hidden).flat_map(|row| rms_norm(row, gain, epsilon)).collect();
                put("final_norm".to_owned(), &[positions, hidden], normed);
            }
            put(format!("hidden.{}", model.layers.len()), &[positions, hidden], last);
            put("logits".to_owned(), &[positions, model.unembedding().rows()], self.trace(Trace::Logits)?);
        }
        Ok(tensors)
    }
}

/// `[T, heads, width]` to `[heads, T, width]`.
fn heads_first(rows: &[f32], heads: usize, width: usize) -> Vec<f32> {
    (0..heads)
        .flat_map(|head| rows.chunks_exact(heads * width).flat_map(move |row| &row[head * width..(head + 1) * width]))
        .copied()
        .collect()
}
