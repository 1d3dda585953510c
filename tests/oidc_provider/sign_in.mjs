// A browser, as far as signing in needs one: follows redirects, keeps cookies by host, fills in forms.
import assert from "node:assert/strict";

const [base, user] = process.argv.slice(2);
const jars = new Map();

async function go(url, form) {
  for (let hops = 0; hops < 20; hops += 1) {
    const jar = jars.get(new URL(url).host) ?? new Map();
    jars.set(new URL(url).host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: { cookie, "user-agent": "sign-in/1.0", ...(form && { "content-type": "application/x-www-form-urlencoded" }) },
      body: form && new URLSearchParams(form).toString(),
    });
    for (const set of answer.headers.getSetCookie()) {
      const [pair] = set.split(";");
      const at = pair.indexOf("=");
      if (/max-age=0|1970/i.test(set)) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const to = answer.headers.get("location");
    if (!to) return { status: answer.status, url, body: await answer.text() };
    url = new URL(to, url).href;
    form = undefined;
  }
  throw new Error("too many redirects");
}

const action = (page) => new URL(page.body.match(/action="([^"]+)"/)[1], page.url).href;

let page = await go(`${base}/login/provider?next=%2Fpipeline`);
assert.match(page.body, /name="login"/, "the provider asks who it is");
page = await go(action(page), { prompt: "login", login: user, password: "any" });
if (/prompt" value="consent"/.test(page.body)) page = await go(action(page), { prompt: "consent" });
if (user === "guest") {
  assert.equal(page.status, 403);
  assert.match(page.body, /guest@contoso\.example, who has no role here/);
} else {
  assert.equal(page.status, 200, page.body);
  assert.equal(page.url, `${base}/pipeline`);
  assert.match(page.body, new RegExp(`>${user}@contoso\\.example<`));
  const out = await go(`${base}/logout`, { x: "1" });
  assert.match(out.body, /Sign in with/);
}
console.log(`${user}: as it should be`);
