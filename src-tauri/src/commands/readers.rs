//! The shop's card readers.

use till_app::view::{PlaceInput, ReadersView};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn readers(shell: Shared<'_>) -> Answer<ReadersView> {
    shell.act(|till, _| till.readers()).await
}

#[tauri::command]
pub(crate) async fn readers_look(shell: Shared<'_>) -> Answer<ReadersView> {
    shell.act_and_send(|till, _| till.readers_look()).await
}

#[tauri::command]
pub(crate) async fn readers_place(shell: Shared<'_>, place: PlaceInput) -> Answer<ReadersView> {
    shell
        .act_and_send(move |till, session| till.readers_place(session, &place))
        .await
}

#[tauri::command]
pub(crate) async fn readers_at(shell: Shared<'_>, location: String) -> Answer<ReadersView> {
    shell
        .act_and_send(move |till, session| till.readers_at(session, &location))
        .await
}

#[tauri::command]
pub(crate) async fn readers_tips(shell: Shared<'_>, on: bool) -> Answer<ReadersView> {
    shell
        .act(move |till, session| till.readers_tips(session, on))
        .await
}

#[tauri::command]
pub(crate) async fn reader_register(
    shell: Shared<'_>,
    code: String,
    label: String,
) -> Answer<ReadersView> {
    shell
        .act_and_send(move |till, session| till.reader_register(session, &code, &label))
        .await
}

#[tauri::command]
pub(crate) async fn reader_use(shell: Shared<'_>, reader: String) -> Answer<ReadersView> {
    shell
        .act(move |till, session| till.reader_use(session, &reader))
        .await
}

#[tauri::command]
pub(crate) async fn reader_forget(shell: Shared<'_>, reader: String) -> Answer<ReadersView> {
    shell
        .act(move |till, session| till.reader_forget(session, &reader))
        .await
}
