//! The one list of steps, in order. Nothing else decides order.

use crate::anaconda::install::InstallAnaconda;
use crate::download::step::Download;
use crate::python::profile::PublishPython3;
use crate::python::psycopg2::InstallPsycopg2;
use crate::settings::Settings;
use crate::step::Step;
use crate::volume::filesystem::MakeFilesystem;
use crate::volume::grow::GrowFilesystem;
use crate::volume::mount::MountVolume;
use crate::volume::wait::AwaitVolume;

/// The steps that bring a host to what `settings` ask for.
pub fn plan(settings: &Settings) -> Vec<Box<dyn Step>> {
    vec![
        Box::new(AwaitVolume::new(settings)),
        Box::new(MakeFilesystem::new(settings)),
        Box::new(MountVolume::new(settings)),
        Box::new(GrowFilesystem::new(settings)),
        Box::new(Download::new(settings)),
        Box::new(InstallAnaconda::new(settings)),
        Box::new(InstallPsycopg2::new(settings)),
        Box::new(PublishPython3::new(settings)),
    ]
}
