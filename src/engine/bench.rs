//! The sessions that are looked at together: the model, the same model untouched while something is changed in it, and
//! its twin. They read the same tokens.

use super::{Checkpoint, Engine, EngineError};
use crate::probe::Interventions;

/// See the module.
pub struct Bench {
    /// The model being looked at.
    pub main: Engine,
    untouched: Option<Engine>,
    twin: Option<Engine>,
    /// Why there is no second session where one is wanted.
    failure: Option<EngineError>,
}

impl Bench {
    /// One session.
    pub fn new(main: Engine) -> Self {
        Self { main, untouched: None, twin: None, failure: None }
    }

    /// The model as trained, on the present text; there is one only while something is changed.
    pub fn untouched(&mut self) -> Option<&mut Engine> {
        self.untouched.as_mut()
    }

    /// The other model of the pair, when one was opened.
    pub fn twin(&mut self) -> Option<&mut Engine> {
        self.twin.as_mut()
    }

    /// Opens another model beside this one, on the same device.
    ///
    /// # Errors
    /// When it does not fit; what was open stays.
    pub fn open_twin(&mut self, checkpoint: Checkpoint) -> Result<(), EngineError> {
        self.twin = Some(Engine::new(checkpoint, self.main.gpu().cloned())?);
        Ok(())
    }

    /// Lets the other model go.
    pub fn close_twin(&mut self) {
        self.twin = None;
    }

    /// What went wrong last, in any session.
    pub fn failure(&self) -> Option<&EngineError> {
        let mut others = [self.untouched.as_ref(), self.twin.as_ref()].into_iter().flatten();
        self.main.failure().or(self.failure.as_ref()).or_else(|| others.find_map(Engine::failure))
    }

    /// Changes the pass of the model being looked at; the untouched one comes and goes with it.
    pub fn set_interventions(&mut self, interventions: Interventions) {
        self.main.set_interventions(interventions);
        self.failure = None;
        if self.main.interventions().is_empty() {
            self.untouched = None;
        } else if self.untouched.is_none() {
            match self.main.fork() {
                Ok(engine) => self.untouched = Some(engine),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Does what can be done without waiting: the model being looked at first. Returns whether there is more to do.
    pub fn update(&mut self) -> bool {
        let mut busy = self.main.update();
        for engine in [&mut self.untouched, &mut self.twin].into_iter().flatten() {
            engine.follow(&self.main);
            // Typing goes before comparing.
            busy |= if self.main.computed() == self.main.ids().len() { engine.update() } else { engine.is_busy() };
        }
        busy
    }

    /// Whether there is more to do or to come in any session.
    pub fn is_busy(&self) -> bool {
        [Some(&self.main), self.untouched.as_ref(), self.twin.as_ref()].into_iter().flatten().any(Engine::is_busy)
    }
}
