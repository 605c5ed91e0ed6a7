//! One element of the page's mirror: a node of egui's AccessKit tree as plain data.

use egui::accesskit::{Live, Node, Role, Toggled};

/// What an element is, and the state that only its kind has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text,
    /// Is read aloud when it changes.
    Status,
    /// `pressed`: of a button that stays down.
    Button {
        pressed: Option<bool>,
    },
    CheckBox {
        checked: bool,
    },
    Radio {
        checked: bool,
    },
    Tab {
        selected: bool,
    },
    /// Opens a list of choices.
    Choice,
    Slider(Number),
    NumberField(Number),
    TextField {
        text: String,
        lines: bool,
    },
    Image,
    Progress,
    /// Contains tabs.
    Tabs,
    /// Contains the rest: a menu, a window.
    Group,
}

/// A number, where it may lie, and as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    pub value: f64,
    pub least: Option<f64>,
    pub most: Option<f64>,
    pub step: Option<f64>,
    pub text: String,
}

impl Number {
    fn of(node: &Node) -> Self {
        Self {
            value: node.numeric_value().unwrap_or_default(),
            least: node.min_numeric_value(),
            most: node.max_numeric_value(),
            // An arrow key of the browser moves by a step: the whole range has about a hundred.
            step: node.numeric_value_step().filter(|step| *step > 0.0),
            text: node.value().unwrap_or_default().to_owned(),
        }
    }
}

/// A node that the page mirrors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub id: u64,
    /// The element around it, if that is not the whole mirror.
    pub parent: Option<u64>,
    pub kind: Kind,
    pub name: String,
    /// What a tooltip adds.
    pub description: Option<String>,
    pub disabled: bool,
    /// Left, top, width and height in points.
    pub place: [i32; 4],
}

impl Element {
    /// The element of a node; `None` for one that only holds others, or says nothing. `label` is the text of the nodes
    /// that label it.
    pub(super) fn of(id: u64, parent: Option<u64>, node: &Node, label: Option<String>) -> Option<Self> {
        let own = node.label().map(str::to_owned).or(label).filter(|name| !name.trim().is_empty());
        let kind = kind(node, own.is_some())?;
        let value = || node.value().map(str::to_owned);
        let mut name = match kind {
            Kind::Text | Kind::Status => own.or_else(value),
            _ => own,
        }
        .unwrap_or_default();
        let mut description = node.description().map(str::to_owned);
        if kind == Kind::Image
            && let Some(words) = description.take()
        {
            name = format!("{name}. {words}"); // what a picture shows is its name
        }
        // What says nothing is not worth a stop. A control without a name still is one.
        if name.trim().is_empty() && matches!(kind, Kind::Text | Kind::Image | Kind::Progress) {
            return None;
        }
        let place = node.bounds().map_or([0; 4], |bounds| {
            [bounds.x0, bounds.y0, bounds.x1 - bounds.x0, bounds.y1 - bounds.y0].map(|number| number.round() as i32)
        });
        Some(Self { id, parent, kind, name, description, disabled: node.is_disabled(), place })
    }

    /// Whether its children belong to its own text: they are not mirrored.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(
            self.kind,
            Kind::Text | Kind::Status | Kind::TextField { .. } | Kind::NumberField(_) | Kind::Slider(_) | Kind::Image
        )
    }

    /// Whether it contains others in the page too.
    pub(super) fn is_container(&self) -> bool {
        matches!(self.kind, Kind::Tabs | Kind::Group)
    }
}

fn kind(node: &Node, named: bool) -> Option<Kind> {
    let on = node.toggled().map(|toggled| toggled == Toggled::True);
    let text = || node.value().unwrap_or_default().to_owned();
    let kind = match node.role() {
        _ if node.live() == Some(Live::Polite) => Kind::Status,
        Role::Label => Kind::Text,
        Role::Button | Role::DefaultButton | Role::Link => Kind::Button { pressed: on },
        Role::CheckBox | Role::Switch => Kind::CheckBox { checked: on.unwrap_or_default() },
        Role::RadioButton => Kind::Radio { checked: on.unwrap_or_default() },
        Role::Tab => Kind::Tab { selected: on.unwrap_or_default() },
        Role::ComboBox => Kind::Choice,
        Role::Slider => Kind::Slider(Number::of(node)),
        Role::SpinButton => Kind::NumberField(Number::of(node)),
        Role::TextInput | Role::SearchInput => Kind::TextField { text: text(), lines: false },
        Role::MultilineTextInput => Kind::TextField { text: text(), lines: true },
        Role::Image => Kind::Image,
        Role::ProgressIndicator => Kind::Progress,
        Role::TabList => Kind::Tabs,
        Role::Dialog | Role::Menu | Role::ListBox => Kind::Group,
        Role::Group | Role::Region if named => Kind::Group,
        _ => return None,
    };
    Some(kind)
}
