//! What an app sees of what its person is logged in with.

use serde_json::Value;

use crate::{
    client::Call,
    world::{World, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_app_sees_and_ends_itself_alone() {
    let world = World::new().await;
    let person = world.log_in().await;
    let app = text(&world.tokens("cli", "notes:read").await, "access_token");
    let list = async |token: &str| -> Vec<Value> {
        let answer = world.send(Call::get("/auth/sessions").bearer(token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["data"].as_array().unwrap().clone()
    };
    let seen = list(&app).await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["current"], true);
    let all = list(&person).await;
    assert_eq!(all.len(), 2, "{all:?}");
    let login = all.iter().find(|session| session["current"] == true);
    let login = text(login.unwrap(), "id");
    let path = format!("/auth/sessions/{login}");
    let ended = world.send(Call::new("DELETE", &path).bearer(&app)).await;
    assert_eq!(ended.status, 404, "{ended:?}");
    let everything = Call::new("POST", "/auth/logout-all").bearer(&app);
    let refused = world.send(everything).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.json()["code"], "insufficient_scope");
    assert_eq!(list(&person).await.len(), 2);
    let ended = world.send(Call::new("POST", "/auth/logout").bearer(&app));
    assert_eq!(ended.await.status, 200);
    assert_eq!(world.notes(&app).await, 401);
    assert_eq!(list(&person).await.len(), 1);
}
