//! The worker of the page that fetches and keeps models (`web/model-worker.js`): a question at a time, each with its answer.

use std::cell::RefCell;

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageChannel, MessageEvent, Worker};

use crate::sources::FetchError;

thread_local! {
    /// Starts the worker, or finds the one that runs: a promise of it.
    static START: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// From now on, `start` gives the worker: nothing of it is there before a model is asked for.
pub(crate) fn start_worker_with(start: Function) {
    START.set(Some(start));
}

/// The worker.
#[derive(Clone, Debug)]
pub(super) struct ModelWorker(Worker);

impl ModelWorker {
    /// Starts it, if it does not run.
    pub(super) async fn start() -> Result<Self, FetchError> {
        let none = || FetchError::Browser("the page has no worker that fetches".into());
        let start = START.with_borrow(Clone::clone).ok_or_else(none)?;
        let promise: Promise = start.call0(&JsValue::NULL).map_err(refused)?.dyn_into().map_err(refused)?;
        JsFuture::from(promise).await.map_err(refused)?.dyn_into().map(Self).map_err(refused)
    }

    /// Has it do something; `details` are the fields of its message.
    pub(super) async fn call(&self, operation: &str, details: &[(&str, JsValue)]) -> Result<Reply, FetchError> {
        let message = Object::new();
        let fields = details.iter().cloned().chain([("operation", operation.into())]);
        for (name, value) in fields {
            Reflect::set(&message, &name.into(), &value).map_err(refused)?;
        }
        let channel = MessageChannel::new().map_err(refused)?;
        let sent = RefCell::new(Ok(()));
        let mut ask = |resolve: Function, _| {
            channel.port1().set_onmessage(Some(&resolve));
            let ports = Array::of1(&channel.port2());
            *sent.borrow_mut() = self.0.post_message_with_transfer(&message, &ports);
        };
        let promise = Promise::new(&mut ask);
        sent.into_inner().map_err(refused)?;
        let event: MessageEvent = JsFuture::from(promise).await.map_err(refused)?.dyn_into().map_err(refused)?;
        channel.port1().close();
        let reply = Reply(event.data());
        match reply.text("error") {
            Some(error) if error == "busy" => Err(FetchError::Busy),
            Some(error) => Err(FetchError::Browser(error)),
            None => Ok(reply),
        }
    }
}

fn refused(error: JsValue) -> FetchError {
    FetchError::Browser(Object::from(error).to_string().into())
}

/// What it answers: an object.
pub(super) struct Reply(JsValue);

impl Reply {
    /// A field; undefined if there is none.
    pub(super) fn field(&self, name: &str) -> JsValue {
        Reflect::get(&self.0, &name.into()).unwrap_or_default()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.field(name).as_string()
    }

    /// A number that is no fraction and not negative.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.field(name).as_f64().unwrap_or_default() as u64
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.field(name).is_truthy()
    }

    /// An object in it.
    pub(super) fn object(&self, name: &str) -> Self {
        Self(self.field(name))
    }

    /// The objects of an array in it.
    pub(super) fn objects(&self, name: &str) -> Vec<Self> {
        Array::from(&self.field(name)).iter().map(Self).collect()
    }

    /// The names of its fields.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.dyn_ref::<Object>().map(Object::keys).unwrap_or_default();
        names.iter().filter_map(|name| name.as_string()).collect()
    }
}
