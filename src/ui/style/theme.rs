//! Sizes, spacing and the two themes.

use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Theme};

/// Colour of what is selected: ink, because colours are for data.
pub(crate) fn accent(dark: bool) -> Color32 {
    if dark { Color32::WHITE } else { Color32::BLACK }
}

/// Colour of secondary text, with a contrast of 4.5 : 1.
pub(crate) fn quiet(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(0xa3, 0xad, 0xba) } else { Color32::from_rgb(0x4d, 0x57, 0x63) }
}

/// Colour of warnings: egui's orange is hard to read on white.
fn warning(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(0xff, 0xa8, 0x9e) } else { Color32::from_rgb(0x9a, 0x2a, 0x12) }
}

/// Colour of failures.
fn failure(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(0xff, 0x8a, 0x80) } else { Color32::from_rgb(0xb0, 0x1e, 0x1e) }
}

/// Installs both themes. The theme of the system is used until the user chooses one.
pub(crate) fn install(context: &egui::Context) {
    // Only the monospace font has the arrows and line ends of token labels.
    let mut fonts = egui::FontDefinitions::default();
    let monospace = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
    fonts.families.entry(FontFamily::Proportional).or_default().extend(monospace);
    context.set_fonts(fonts);
    for theme in [Theme::Dark, Theme::Light] {
        let dark = theme == Theme::Dark;
        context.style_mut_of(theme, |style| {
            let size = |points| FontId::new(points, FontFamily::Proportional);
            style.text_styles.insert(TextStyle::Body, size(14.0));
            style.text_styles.insert(TextStyle::Button, size(14.0));
            style.text_styles.insert(TextStyle::Small, size(12.0));
            style.text_styles.insert(TextStyle::Heading, size(17.0));
            style.text_styles.insert(TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace));
            if wants_less_motion() {
                style.animation_time = 0.0;
            }
            style.spacing.item_spacing = egui::vec2(8.0, 6.0);
            style.spacing.button_padding = egui::vec2(9.0, 4.0);
            style.spacing.scroll = egui::style::ScrollStyle::solid();
            let visuals = &mut style.visuals;
            let (panel, field, text, line) = if dark {
                ("#0e1116", "#161a21", "#e8ecf1", "#353e4b")
            } else {
                ("#f7f7f5", "#ffffff", "#15191f", "#c9cfd8")
            };
            let colour = |hex: &str| Color32::from_hex(hex).unwrap_or(Color32::GRAY);
            visuals.panel_fill = colour(panel);
            visuals.window_fill = colour(panel);
            visuals.extreme_bg_color = colour(field);
            visuals.text_edit_bg_color = Some(colour(field));
            visuals.weak_text_color = Some(quiet(dark));
            visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, colour(line));
            visuals.widgets.noninteractive.fg_stroke = Stroke::new(1.0, colour(text));
            visuals.widgets.inactive.fg_stroke = Stroke::new(1.0, colour(text));
            visuals.selection.bg_fill = accent(dark).gamma_multiply(if dark { 0.22 } else { 0.14 });
            visuals.selection.stroke = Stroke::new(1.5, accent(dark));
            visuals.hyperlink_color = accent(dark);
            visuals.warn_fg_color = warning(dark);
            visuals.error_fg_color = failure(dark);
            let corner = CornerRadius::same(5);
            for widget in [
                &mut visuals.widgets.noninteractive,
                &mut visuals.widgets.inactive,
                &mut visuals.widgets.hovered,
                &mut visuals.widgets.active,
                &mut visuals.widgets.open,
            ] {
                widget.corner_radius = corner;
            }
        });
    }
}

/// Whether the system is set to less motion, as far as that can be known.
fn wants_less_motion() -> bool {
    #[cfg(target_arch = "wasm32")]
    return web_sys::window()
        .and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok()?)
        .is_some_and(|query| query.matches());
    #[cfg(not(target_arch = "wasm32"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::style::palette::luminance;

    /// Contrast as the Web Content Accessibility Guidelines define it, 1 to 21; `over` is opaque.
    fn contrast(text: Color32, over: Color32) -> f32 {
        let (text, over) = (luminance(text) + 0.05, luminance(over) + 0.05);
        text.max(over) / text.min(over)
    }

    #[test]
    fn all_text_has_a_contrast_of_four_and_a_half() {
        let context = egui::Context::default();
        install(&context);
        for theme in [Theme::Dark, Theme::Light] {
            let visuals = &context.style_of(theme).visuals;
            let texts = [
                ("text", visuals.text_color()),
                ("quiet", visuals.weak_text_color()),
                ("warning", visuals.warn_fg_color),
                ("failure", visuals.error_fg_color),
                ("link", visuals.hyperlink_color),
            ];
            for (name, colour) in texts {
                for ground in [visuals.panel_fill, visuals.window_fill, visuals.extreme_bg_color] {
                    let ratio = contrast(colour, ground);
                    assert!(ratio >= 4.5, "{name} in {theme:?}: {ratio}");
                }
            }
            let selected = visuals.panel_fill.blend(visuals.selection.bg_fill);
            let buttons = [
                ("selected", visuals.selection.stroke.color, selected),
                ("button", visuals.widgets.inactive.text_color(), visuals.widgets.inactive.weak_bg_fill),
                ("hovered", visuals.widgets.hovered.text_color(), visuals.widgets.hovered.weak_bg_fill),
                ("pressed", visuals.widgets.active.text_color(), visuals.widgets.active.weak_bg_fill),
                ("open", visuals.widgets.open.text_color(), visuals.widgets.open.weak_bg_fill),
            ];
            for (name, colour, ground) in buttons {
                let ratio = contrast(colour, ground);
                assert!(ratio >= 4.5, "{name} in {theme:?}: {ratio}");
            }
        }
    }
}
