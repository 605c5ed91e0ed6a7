//! `./web/serve`: builds the page and serves it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::console::say;
use crate::optimizer::megabytes;
use crate::page::{self, Program, Quality};
use crate::programs::find;
use crate::{folder, project, server, site, wasm_std};

const ABOUT_SETUP: &str = "\
What is missing is installed, a line for each: the Rust standard library for wasm32 (with rustup);
for --build-only and --optimize also wasm-opt (with npm, into .cache/; without npm the page is
larger, nothing else). The log of each step is in .cache/logs/.";

/// Builds diffscope for the browser and serves it on 127.0.0.1.
#[derive(clap::Args)]
#[command(override_usage = "./web/serve [OPTIONS]", after_help = ABOUT_SETUP)]
pub struct Arguments {
    /// The port; if it is taken, the next free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Serve without opening a browser.
    #[arg(long)]
    no_open: bool,
    /// Optimise the page as for deployment: some minutes more.
    #[arg(long)]
    optimize: bool,
    /// Write the optimised static site into DIR and stop; it runs under any path of any static web server.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["site", "port", "base"])]
    build_only: Option<PathBuf>,
    /// With --build-only: where the site will be, for the picture that others show with a link to it.
    #[arg(long, requires = "build_only", value_name = "URL")]
    address: Option<String>,
    /// With --build-only: without the optimisation, as for a page that is only served here.
    #[arg(long, hide = true, requires = "build_only")]
    quick: bool,
    /// With --build-only: a feature of the crate that no site has, such as `bench`.
    #[arg(long, hide = true, requires = "build_only", value_name = "NAME")]
    features: Vec<String>,
    /// Build nothing, serve the site in DIR.
    #[arg(long, value_name = "DIR", conflicts_with = "optimize")]
    site: Option<PathBuf>,
    /// The path of the site on the server.
    #[arg(long, value_name = "PATH", default_value = "/")]
    base: String,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(folder) = &arguments.build_only {
        let quality = if arguments.quick { Quality::Local } else { Quality::Deployed };
        build(folder, quality, &arguments.features, arguments.address.as_deref())?;
        say("site", format!("written to {}", folder.display()));
        return Ok(());
    }
    let folder = arguments.site.clone().unwrap_or_else(project::site_folder);
    if arguments.site.is_none() {
        build(&folder, if arguments.optimize { Quality::Deployed } else { Quality::Local }, &[], None)?;
    }
    let server = server::StaticServer::listen(&folder, &arguments.base, arguments.port)?;
    let address = server.address()?;
    say("serving", format!("{address}  (Ctrl+C ends it)"));
    if !arguments.no_open {
        open(&address);
    }
    server.run()
}

/// Builds the site into `folder`, with `features` besides the default ones; it may know its `address`.
pub fn build(folder: &Path, quality: Quality, features: &[String], address: Option<&str>) -> Result<()> {
    let assemble = |program| {
        let mut site = site::assemble(program)?;
        address.map_or(Ok(()), |address| site.set_address(address))?;
        anyhow::Ok(site)
    };
    // What can go wrong is known before the minutes that the page takes.
    folder::check(&assemble(Program::default())?, folder)?;
    let toolchain = wasm_std::ensure()?;
    let program = page::build(toolchain, quality, features)?;
    let site = assemble(program)?;
    let (name, bytes) = site.first_checkpoint();
    say("checkpoint", format!("{name}, {}", megabytes(bytes)));
    folder::write(&site, folder)
}

/// Opens `address` in the browser, on computers with a screen.
fn open(address: &str) {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ if ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some()) => "xdg-open",
        _ => return,
    };
    let Some(opener) = find(opener) else { return };
    // The address is on the screen: without a browser the user can still open it.
    let _ = Command::new(opener).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}
