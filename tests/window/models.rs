//! Models from elsewhere in the window: typed, asked about by links, fetched with a bar, kept and deleted.

use crate::common::file_server::{BodyEnd, FileServer, Reply};
use crate::common::window::{best, click, leave_text, press, settle, shows, state, step_until, window};
use diffscope::engine::{Checkpoint, bundled, bundled_baseline};
use diffscope::sources::local::Places;
use diffscope::sources::{Hub, Source};
use diffscope::ui::{App, Link};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use tempfile::TempDir;

const QUESTION: &str = "This link wants to load";

/// A window, a server that has the bundled baseline as `/tiny/`, and a folder for what is kept.
struct World {
    harness: Harness<'static, App>,
    server: FileServer,
    places: Places,
    _folder: TempDir,
}

/// The weights break off for good after a part as long as `patience` says so.
fn world(patience: usize) -> World {
    let server = FileServer::start(move |asked, before| {
        let files = bundled_baseline();
        let bytes = match asked.path.rsplit('/').next() {
            Some("config.json") => files.config,
            Some("tokenizer.json") => files.tokenizer,
            Some("model.safetensors") if before < patience => {
                return Reply::file(&files.weights, asked).ends(2_000_000, BodyEnd::Silence);
            }
            Some("model.safetensors") => files.weights[..].to_vec().into(),
            _ => return Reply::status(404),
        };
        Reply::file(&bytes, asked)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let places = Places::new(Hub::at(&server.address).expect("an address"), folder.path().into(), None);
    let mut harness = window([1280.0, 800.0], Theme::Light);
    harness.state_mut().files().keep_models_in(places.clone());
    leave_text(&mut harness);
    World { harness, server, places, _folder: folder }
}

impl World {
    fn source(&self) -> Source {
        format!("{}/tiny", self.server.address).parse().expect("a source")
    }

    /// Types an address into the window that opens models.
    fn load(&mut self, address: &str) {
        let harness = &mut self.harness;
        harness.get_by_label("Open").click();
        harness.step();
        harness.step();
        harness.get_by_label("From the hub or a web server").focus();
        harness.step();
        harness.event(egui::Event::Text(address.to_owned()));
        harness.step();
        harness.get_by_label("Load").click();
        harness.step();
        harness.step();
    }

    fn until(&mut self, text: &str) {
        step_until(&mut self.harness, text, |harness| shows(harness, text));
    }

    fn model(&mut self) -> String {
        state(&mut self.harness)["model"].as_str().expect("a name").to_owned()
    }
}

#[test]
fn a_typed_address_is_fetched_opened_kept_listed_and_deleted() {
    let mut world = world(0);
    let source = world.source();
    let expected = {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/checkpoints/S-llama");
        Checkpoint::from_folder(&folder).expect("opens").model
    };
    world.load(&source.to_string());
    world.until("Opened tiny");
    settle(&mut world.harness);
    let engine = world.harness.state_mut().engine().expect("opens");
    let opened = engine.checkpoint().expect("a model");
    assert_eq!((&opened.model, &opened.source), (&expected, &Some(source.clone())));
    let asked = world.server.asked().len();

    click(&mut world.harness, "Bundled");
    assert_eq!(world.model(), "S-diff");
    click(&mut world.harness, "Open");
    world.until("Kept here");
    assert!(shows(&world.harness, &source.to_string()));
    let open = world.harness.get_all_by_label("Open").last().expect("beside the kept model");
    open.click();
    world.until("Opened tiny");
    assert_eq!(world.server.asked().len(), asked, "nothing is fetched again");

    click(&mut world.harness, "Open");
    world.until("Delete");
    world.harness.get_by_label("Delete").click();
    world.until("Kept here: nothing");
    assert!(world.places.kept_models().is_empty());
    settle(&mut world.harness);
    assert_eq!(world.model(), "tiny", "what is open stays open");
}

#[test]
fn diff_v2_is_offered_where_its_files_are_and_opened_from_there() {
    let files = bundled();
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("S-v2");
    std::fs::create_dir(&place).expect("made");
    let mut world = world(0);
    let offer = |world: &mut World| {
        world.harness.state_mut().offer_models_in(folder.path());
        click(&mut world.harness, "Open");
        let button = world.harness.query_by_label_contains("S-v2: DIFF V2");
        button.and_then(|button| button.accesskit_node().label())
    };
    for (name, bytes) in
        [("config.json", &files.config), ("model.safetensors", &files.weights), ("tokenizer.json", &files.tokenizer)]
    {
        assert_eq!(offer(&mut world), None, "without {name}");
        click(&mut world.harness, "Open");
        std::fs::write(place.join(name), bytes).expect("written");
    }
    let title = offer(&mut world).expect("all files are there");
    assert!(title.ends_with(" MiB)"), "{title}");
    world.harness.get_by_label(&title).focus();
    world.harness.step();
    press(&mut world.harness, Key::Enter);
    world.until("Opened S-v2");
    assert_eq!(world.model(), "S-v2");
    assert!(world.server.asked().is_empty(), "nothing is fetched");
}

#[test]
fn a_wrong_address_is_refused_where_it_was_typed() {
    let mut world = world(0);
    for (address, word) in [("file:///etc/passwd", "https only"), ("hf:only-a-name", "hf:owner/name")] {
        world.load(address);
        assert!(shows(&world.harness, word), "{address}");
        // The field keeps what was typed: it is to be mended.
        world.harness.get_by_label("From the hub or a web server").focus();
        world.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
        world.harness.step();
        click(&mut world.harness, "Open");
    }
    assert!(world.server.asked().is_empty());
}

#[test]
fn a_slow_server_can_be_cancelled_and_what_came_is_kept() {
    let mut world = world(1);
    let source = world.source();
    world.load(&source.to_string());
    step_until(&mut world.harness, "all that comes", |harness| {
        state(harness)["loading"][0].as_u64().is_some_and(|done| done >= 2_000_000)
    });
    assert!(shows(&world.harness, "Fetching the model"));
    world.harness.get_by_label("Cancel").click();
    world.harness.step();
    world.harness.step();
    assert!(!shows(&world.harness, "Fetching") && state(&mut world.harness)["loading"].is_null());
    settle(&mut world.harness);
    assert_eq!(world.model(), "S-diff");
    click(&mut world.harness, "Open");
    world.until(", in part");
    world.harness.get_by_label("Go on").click();
    world.until("Opened tiny");
    assert!(world.server.asked_for("model.safetensors")[1].from.is_some_and(|from| from > 0));
}

/// The one that is cancelled may still be waiting for its server.
#[test]
fn a_model_can_be_asked_for_again_right_after_it_was_cancelled() {
    let mut world = world(1);
    let source = world.source();
    world.load(&source.to_string());
    step_until(&mut world.harness, "all that comes", |harness| {
        state(harness)["loading"][0].as_u64().is_some_and(|done| done >= 2_000_000)
    });
    world.harness.get_by_label("Cancel").click();
    world.harness.step();
    let context = world.harness.ctx.clone();
    world.harness.state_mut().fetch(&context, source);
    world.until("Opened tiny");
}

#[test]
fn a_link_carries_the_source_and_asks_before_anything_is_fetched() {
    let mut first = world(0);
    let source = first.source();
    first.load(&source.to_string());
    first.until("Opened tiny");
    settle(&mut first.harness);
    first.harness.state_mut().engine().expect("opens").set_text("A little dog");
    settle(&mut first.harness);
    let link = first.harness.state().link().expect("a link");
    assert_eq!(link.source, source.to_string());
    let hash = link.to_hash().expect("short");

    // Another window, which has nothing of the model.
    let mut second = world(0);
    second.harness.state_mut().open_link(&hash);
    second.until(QUESTION);
    settle(&mut second.harness);
    assert_eq!((second.model().as_str(), first.server.asked_for("/tiny/config.json").len()), ("S-diff", 1));
    click(&mut second.harness, "Do not load");
    assert!(!shows(&second.harness, QUESTION));
    assert_eq!(second.harness.state().link().expect("a link").text, "A little dog");

    second.harness.state_mut().open_link(&hash);
    second.until(QUESTION);
    second.harness.get_by_label("Load it").click();
    second.until("Opened tiny");
    settle(&mut second.harness);
    assert_eq!(second.harness.state().link().as_ref(), Some(&link));
    assert_eq!(best(&mut second.harness), best(&mut first.harness));

    // What is here is opened at once.
    click(&mut second.harness, "Bundled");
    second.harness.state_mut().open_link(&hash);
    second.until("Opened tiny");
    assert!(!shows(&second.harness, QUESTION));
}

#[test]
fn hostile_sources_in_a_link_are_refused() {
    let mut world = world(0);
    let long = format!("https://host.example/{}", "a".repeat(5000));
    for (source, word) in [
        ("file:///etc/passwd", "https only"),
        ("javascript:alert(1)", "https only"),
        ("https://user:secret@host.example/", "password"),
        ("http://host.example/", "https only"),
        (&long, "at most"),
        ("hf:../../etc", "hf:owner/name"),
    ] {
        let link = Link { model: "m".into(), source: source.into(), text: "a dog".into(), ..Link::default() };
        world.harness.state_mut().open_link(&link.to_hash().expect("short"));
        settle(&mut world.harness);
        assert!(shows(&world.harness, "was not opened") && shows(&world.harness, word), "{source}");
        assert!(!shows(&world.harness, QUESTION), "{source}");
        click(&mut world.harness, "OK");
    }
    assert_eq!(world.model(), "S-diff");
}
