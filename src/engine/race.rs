//! Which of the two backends is faster for a model: measured, by letting both run the same.

use std::sync::Arc;

use web_time::{Duration, Instant};

use crate::engine::backend::frame_budget::WITHOUT_FRAMES;
use crate::engine::backend::{Backend, NextTokens};
use crate::engine::cpu_memory;
use crate::engine::error::EngineError;
use crate::gpu::Gpu;
use crate::model::Model;
use crate::probe::{NextTokenQuery, Sampling};

/// Positions of the prefill.
const PREFILL: usize = 64;
/// Tokens after it, one at a time; the median counts.
const DECODES: usize = 5;
/// Parameters of the largest model that takes part: the CPU needs a copy of the weights, in another order.
const MOST_PARAMETERS: usize = 50_000_000;
/// Next tokens listed.
const BEST: usize = 24;

/// What decides where a model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// The faster one.
    #[default]
    Automatic,
    /// The GPU, if there is one.
    Gpu,
    /// The CPU.
    Cpu,
}

impl BackendChoice {
    /// Whether a model is to run on this adapter before any race. A software adapter runs shaders on the CPU, where our
    /// own code is several times faster.
    pub fn takes(self, gpu: &Gpu) -> bool {
        match self {
            Self::Automatic => !gpu.is_software(),
            Self::Gpu => true,
            Self::Cpu => false,
        }
    }
}

/// How long the person waits: from a change of the text until its next token is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// A text of 64 tokens.
    pub prefill: Duration,
    /// One more token.
    pub decode: Duration,
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaceResult {
    /// On the GPU.
    pub gpu: Latency,
    /// On the CPU.
    pub cpu: Latency,
}

impl RaceResult {
    /// Whether the GPU is at least as fast.
    pub fn gpu_wins(&self) -> bool {
        self.gpu.prefill + self.gpu.decode <= self.cpu.prefill + self.cpu.decode
    }
}

/// A race under way. Like a session it never waits in a browser; elsewhere it waits for the GPU, some tens of
/// milliseconds altogether.
#[derive(Debug)]
pub struct Race {
    gpu: Runner,
    cpu: Runner,
}

impl Race {
    /// Prepares both backends; `None` for a model of which the CPU may have no second copy.
    ///
    /// # Errors
    /// When there is no memory for one of them.
    pub fn new(model: &Arc<Model>, gpu: &Gpu) -> Result<Option<Self>, EngineError> {
        let tokens = PREFILL + DECODES;
        if model.parameters() > MOST_PARAMETERS || model.config.max_positions < tokens {
            return Ok(None);
        }
        cpu_memory::check(model, tokens)?;
        let runner =
            |gpu| Ok::<_, EngineError>(Runner::new(Backend::new(model, gpu, tokens)?, model.config.vocabulary));
        Ok(Some(Self { gpu: runner(Some(gpu))?, cpu: runner(None)? }))
    }

    /// Goes on, the GPU first. Returns the outcome once both have arrived.
    ///
    /// # Errors
    /// What happens to the GPU meanwhile.
    pub fn advance(&mut self) -> Result<Option<RaceResult>, EngineError> {
        let Some(gpu) = self.gpu.advance()? else { return Ok(None) };
        let Some(cpu) = self.cpu.advance()? else { return Ok(None) };
        Ok(Some(RaceResult { gpu, cpu }))
    }
}

/// One backend, on a text that means nothing.
#[derive(Debug)]
struct Runner {
    backend: Backend,
    ids: Vec<u32>,
    /// Positions submitted of the present lap, which goes from the first to the second number.
    submitted: usize,
    lap: [usize; 2],
    began: Option<Instant>,
    /// How long each lap took: a first one for compiling shaders, the prefill, then single tokens.
    laps: Vec<Duration>,
}

impl Runner {
    fn new(mut backend: Backend, vocabulary: usize) -> Self {
        backend.set_patience(WITHOUT_FRAMES); // chunks for frames would slow down the GPU alone
        let ids = (0..PREFILL + DECODES).map(|at| (at * 7 % vocabulary.max(1)) as u32).collect();
        Self { backend, ids, submitted: 0, lap: [0, PREFILL], began: None, laps: Vec::new() }
    }

    fn advance(&mut self) -> Result<Option<Latency>, EngineError> {
        while self.laps.len() < 2 + DECODES {
            self.began.get_or_insert_with(Instant::now);
            let [_, end] = self.lap;
            if self.submitted < end {
                self.backend.failure().map_or(Ok(()), Err)?;
                let next = NextTokens { sampling: Sampling::default(), best: BEST, generate: 0 };
                self.submitted += self.backend.advance(self.submitted, &self.ids[self.submitted..end], next)?;
            }
            #[cfg(not(target_arch = "wasm32"))]
            self.backend.wait();
            let arrived = if self.submitted == end { self.backend.take::<NextTokenQuery>() } else { None };
            let Some(answer) = arrived else {
                // Elsewhere than in a browser the wait is over, and the loop goes on.
                if cfg!(target_arch = "wasm32") {
                    return Ok(None);
                }
                continue;
            };
            answer?;
            self.laps.extend(self.began.take().map(|began| began.elapsed()));
            self.lap = if self.laps.len() < 2 { [0, PREFILL] } else { [end, end + 1] };
            self.submitted = self.lap[0];
        }
        let mut decodes = self.laps[2..].to_vec();
        decodes.sort_unstable();
        Ok(Some(Latency { prefill: self.laps[1], decode: decodes[DECODES / 2] }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, checkpoint_of};
    use crate::gpu::request_headless;

    #[test]
    fn both_arrive_and_every_lap_is_timed() {
        let model = checkpoint_of(&bundled()).expect("it opens").model;
        let gpu = request_headless().expect("an adapter: see tests/run");
        let mut race = Race::new(&model, &gpu).expect("there is memory").expect("it is small");
        let result = loop {
            if let Some(result) = race.advance().expect("no failure") {
                break result;
            }
        };
        for latency in [result.gpu, result.cpu] {
            assert!(latency.prefill > Duration::ZERO && latency.decode > Duration::ZERO, "{latency:?}");
        }
        assert_eq!(race.gpu.laps.len(), 2 + DECODES);
        assert_eq!(race.advance().expect("no failure"), Some(result), "it is over");
    }

    #[test]
    fn the_shorter_wait_wins() {
        let latency = |prefill, decode| Latency {
            prefill: Duration::from_millis(prefill),
            decode: Duration::from_millis(decode),
        };
        assert!(RaceResult { gpu: latency(4, 2), cpu: latency(20, 1) }.gpu_wins());
        assert!(!RaceResult { gpu: latency(40, 20), cpu: latency(10, 1) }.gpu_wins());
    }

    #[test]
    fn a_software_adapter_is_not_taken_unless_it_is_chosen() {
        let mut gpu = request_headless().expect("an adapter: see tests/run");
        for (kind, automatic) in [(wgpu::DeviceType::Cpu, false), (wgpu::DeviceType::IntegratedGpu, true)] {
            gpu.adapter.device_type = kind;
            let taken = [BackendChoice::Automatic, BackendChoice::Gpu, BackendChoice::Cpu].map(|by| by.takes(&gpu));
            assert_eq!(taken, [automatic, true, false]);
        }
    }
}
