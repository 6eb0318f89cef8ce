//! Ready-made routes by which people log in and manage their organisations, for services that have
//! no login of their own.

mod desk;
mod mount;
mod orgs;
