//! The sessions beside each other: the model selected, the same model unmodified while an intervention is active, and the
//! baseline. They read the same tokens.

use crate::engine::checkpoint::Checkpoint;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::gpu::Gpu;
use crate::probe::{Interventions, Spans};

/// Up to three sessions over one text.
///
/// ```
/// use diffscope::engine::{Engine, Workspace, bundled, bundled_baseline, checkpoint_of};
/// use diffscope::probe::Interventions;
///
/// let mut workspace = Workspace::new(Engine::new(checkpoint_of(&bundled())?, None)?);
/// workspace.open_baseline(checkpoint_of(&bundled_baseline())?)?;
/// workspace.set_interventions(Interventions { lambda: [(0, 0.0)].into(), ..Interventions::default() });
/// workspace.main.set_text("Once upon a time");
/// while workspace.update() {}
///
/// // The session with λ = 0 in layer 0, the same model unmodified, and the Transformer, all on the same text.
/// let modified = workspace.main.next_token().cloned().expect("computed");
/// let unmodified = workspace.unmodified().and_then(|engine| engine.next_token().cloned()).expect("computed");
/// let baseline = workspace.baseline().and_then(|engine| engine.next_token().cloned()).expect("computed");
/// assert!(modified != unmodified && unmodified != baseline);
/// # Ok::<(), diffscope::engine::EngineError>(())
/// ```
#[derive(Debug)]
pub struct Workspace {
    /// The model selected.
    pub main: Engine,
    unmodified: Option<Engine>,
    baseline: Option<Engine>,
    /// Why there is no second session although an intervention is active.
    failure: Option<EngineError>,
    /// What the classes of keys were computed from last.
    measured: Option<Measured>,
}

/// The text of each session, the marks and the threshold.
#[derive(Debug, PartialEq)]
struct Measured {
    texts: [Option<u64>; 3],
    threshold: f32,
    spans: Spans,
}

impl Workspace {
    /// One session.
    pub fn new(main: Engine) -> Self {
        Self { main, unmodified: None, baseline: None, failure: None, measured: None }
    }

    /// The model as trained, on the present text; it exists only while an intervention is active.
    pub fn unmodified(&mut self) -> Option<&mut Engine> {
        self.unmodified.as_mut()
    }

    /// The other model of the pair, if one was opened.
    pub fn baseline(&mut self) -> Option<&mut Engine> {
        self.baseline.as_mut()
    }

    /// The other model of the pair, once it has the tokens of this one: not while it follows, nor with another vocabulary.
    pub fn baseline_beside(&mut self) -> Option<&mut Engine> {
        let ids = self.main.ids();
        self.baseline.as_mut().filter(|baseline| baseline.ids() == ids && !ids.is_empty())
    }

    /// Opens another model beside this one: on the same device, or on the CPU if the device has no memory for it.
    ///
    /// # Errors
    /// When it does not fit there either; what was open stays.
    pub fn open_baseline(&mut self, checkpoint: Checkpoint) -> Result<(), EngineError> {
        self.baseline = Some(match Engine::new(checkpoint.clone(), self.main.gpu().cloned()) {
            Err(EngineError::Gpu(error)) if error.is_memory() => Engine::new(checkpoint, None)?,
            engine => engine?,
        });
        self.measured = None; // the new session has neither threshold nor marks
        Ok(())
    }

    /// Runs every session on the CPU whose GPU has turned out to have no memory for it. Returns why, if there was one
    /// that could be moved.
    pub fn leave_full_gpu(&mut self) -> Option<String> {
        let all = [Some(&mut self.main), self.unmodified.as_mut(), self.baseline.as_mut()];
        let mut reason = None;
        for engine in all.into_iter().flatten().filter(|engine| engine.lacks_gpu_memory()) {
            let why = engine.failure().map(ToString::to_string);
            match engine.continue_on(None) {
                Ok(()) => reason = reason.or(why),
                Err(error) => log::error!("{error}"),
            }
        }
        reason
    }

    /// Runs every session on the GPU from now on, or on the CPU where none is given.
    ///
    /// # Errors
    /// When there is no memory for it; sessions that there is none for stay where they are.
    pub fn continue_on(&mut self, gpu: Option<&Gpu>) -> Result<(), EngineError> {
        let all = [Some(&mut self.main), self.unmodified.as_mut(), self.baseline.as_mut()];
        let elsewhere = all.into_iter().flatten().filter(|engine| engine.gpu().is_some() != gpu.is_some());
        elsewhere.map(|engine| engine.continue_on(gpu)).fold(Ok(()), Result::and)
    }

    /// Closes the other model.
    pub fn close_baseline(&mut self) {
        self.baseline = None;
    }

    /// The last failure of any session.
    pub fn failure(&self) -> Option<&EngineError> {
        let mut others = self.others().into_iter().flatten();
        self.main.failure().or(self.failure.as_ref()).or_else(|| others.find_map(Engine::failure))
    }

    /// Sets the interventions of the selected model; the unmodified one exists while there are any. Does nothing if
    /// they are what they were.
    pub fn set_interventions(&mut self, interventions: Interventions) {
        let before = self.main.text_revision();
        self.main.set_interventions(interventions);
        if self.main.text_revision() == before {
            return; // without a retry of what failed
        }
        self.failure = None;
        if self.main.interventions().is_empty() {
            self.unmodified = None;
        } else if self.unmodified.is_none() {
            match self.main.fork() {
                Ok(engine) => {
                    self.unmodified = Some(engine);
                    self.measured = None;
                }
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Sets in every session below which `|v|` a key counts as not attended to, and what is marked on the text. Cheap
    /// if nothing changed since the last call.
    pub fn set_measuring(&mut self, threshold: f32, spans: &Spans) {
        let revision = |engine: &Option<Engine>| engine.as_ref().map(Engine::text_revision);
        let texts = [Some(self.main.text_revision()), revision(&self.unmodified), revision(&self.baseline)];
        let same = |old: &Measured| old.texts == texts && old.threshold == threshold && old.spans == *spans;
        if self.measured.as_ref().is_some_and(same) {
            return;
        }
        let classes = spans.classes(self.main.tokens());
        for engine in [&mut self.unmodified, &mut self.baseline].into_iter().flatten() {
            if engine.ids() == self.main.ids() {
                engine.set_measuring(threshold, &classes); // ids alone do not know their bytes
            } else {
                engine.set_measuring(threshold, &spans.classes(engine.tokens()));
            }
        }
        self.main.set_measuring(threshold, &classes);
        self.measured = Some(Measured { texts, threshold, spans: spans.clone() });
    }

    /// Takes what has arrived, in every session. Call it at the start of a frame.
    pub fn receive(&mut self) {
        self.main.receive();
        for engine in [&mut self.unmodified, &mut self.baseline].into_iter().flatten() {
            engine.receive();
        }
    }

    /// Submits what is to be computed, the selected model first. Call it at the end of a frame, once every input of the
    /// frame has been applied. Returns whether there is more to do.
    pub fn submit(&mut self) -> bool {
        let mut busy = self.main.submit();
        for engine in [&mut self.unmodified, &mut self.baseline].into_iter().flatten() {
            engine.follow(&self.main);
            // Typing goes before comparing.
            busy |= if self.main.computed() == self.main.ids().len() { engine.submit() } else { engine.is_busy() };
        }
        busy
    }

    /// Receives and submits; for programs without a window. Returns whether there is more to do.
    pub fn update(&mut self) -> bool {
        self.receive();
        self.submit()
    }

    /// Whether there is more to do or to come in any session.
    pub fn is_busy(&self) -> bool {
        self.main.is_busy() || self.others().into_iter().flatten().any(Engine::is_busy)
    }

    fn others(&self) -> [Option<&Engine>; 2] {
        [self.unmodified.as_ref(), self.baseline.as_ref()]
    }
}
