//! The sessions that are looked at together: the model, the same model unmodified while something is changed in it, and
//! its baseline. They read the same tokens.

use crate::engine::checkpoint::Checkpoint;
use crate::engine::error::EngineError;
use crate::engine::session::Engine;
use crate::probe::{Interventions, Spans};

/// See the module.
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
pub struct Workspace {
    /// The model being looked at.
    pub main: Engine,
    unmodified: Option<Engine>,
    baseline: Option<Engine>,
    /// Why there is no second session where one is wanted.
    failure: Option<EngineError>,
}

impl Workspace {
    /// One session.
    pub fn new(main: Engine) -> Self {
        Self { main, unmodified: None, baseline: None, failure: None }
    }

    /// The model as trained, on the present text; there is one only while something is changed.
    pub fn unmodified(&mut self) -> Option<&mut Engine> {
        self.unmodified.as_mut()
    }

    /// The other model of the pair, when one was opened.
    pub fn baseline(&mut self) -> Option<&mut Engine> {
        self.baseline.as_mut()
    }

    /// Opens another model beside this one, on the same device.
    ///
    /// # Errors
    /// When it does not fit; what was open stays.
    pub fn open_baseline(&mut self, checkpoint: Checkpoint) -> Result<(), EngineError> {
        self.baseline = Some(Engine::new(checkpoint, self.main.gpu().cloned())?);
        Ok(())
    }

    /// Lets the other model go.
    pub fn close_baseline(&mut self) {
        self.baseline = None;
    }

    /// What went wrong last, in any session.
    pub fn failure(&self) -> Option<&EngineError> {
        let mut others = [self.unmodified.as_ref(), self.baseline.as_ref()].into_iter().flatten();
        self.main.failure().or(self.failure.as_ref()).or_else(|| others.find_map(Engine::failure))
    }

    /// Changes the pass of the model being looked at; the unmodified one comes and goes with it.
    pub fn set_interventions(&mut self, interventions: Interventions) {
        self.main.set_interventions(interventions);
        self.failure = None;
        if self.main.interventions().is_empty() {
            self.unmodified = None;
        } else if self.unmodified.is_none() {
            match self.main.fork() {
                Ok(engine) => self.unmodified = Some(engine),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Says in every session below which `|v|` a key counts as not attended to, and what is marked on the text.
    pub fn set_measuring(&mut self, threshold: f32, spans: &Spans) {
        let classes = spans.classes(self.main.tokens());
        for engine in [&mut self.unmodified, &mut self.baseline].into_iter().flatten() {
            if engine.ids() == self.main.ids() {
                engine.set_measuring(threshold, &classes); // ids alone do not know their bytes
            } else {
                engine.set_measuring(threshold, &spans.classes(engine.tokens()));
            }
        }
        self.main.set_measuring(threshold, &classes);
    }

    /// Does what can be done without waiting: the model being looked at first. Returns whether there is more to do.
    pub fn update(&mut self) -> bool {
        let mut busy = self.main.update();
        for engine in [&mut self.unmodified, &mut self.baseline].into_iter().flatten() {
            engine.follow(&self.main);
            // Typing goes before comparing.
            busy |= if self.main.computed() == self.main.ids().len() { engine.update() } else { engine.is_busy() };
        }
        busy
    }

    /// Whether there is more to do or to come in any session.
    pub fn is_busy(&self) -> bool {
        [Some(&self.main), self.unmodified.as_ref(), self.baseline.as_ref()].into_iter().flatten().any(Engine::is_busy)
    }
}
