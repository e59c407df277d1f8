// A simulated browser with what sign-in pages need: redirects, cookies and HTML forms.
// It works without knowledge of certain pages: it fills in every field for an e-mail address or a
// password, and accepts everything else.

/** The most steps that are taken. A sign-in that needs more is a redirect loop. */
const MAX_STEPS = 12;
const STEP_TIMEOUT = 10_000;

/**
 * Opens `start` and submits the forms of the pages until one redirects to `destination`.
 * Returns that URL without fetching it. The password is entered on pages of `origin` only.
 */
export async function signIn({ start, destination, origin, person }) {
  const cookies = new Map();
  let request = { url: new URL(start), method: "GET", body: undefined };
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (request.url.href.startsWith(destination)) return request.url;
    if (request.url.origin !== origin) throw new Error(`the sign-in left ${origin} for ${request.url}`);
    request = await follow(request, cookies, person);
  }
  throw new Error(`the sign-in did not end after ${MAX_STEPS} steps; last page: ${request.url}`);
}

/** Sends one request and returns the next one. */
async function follow({ url, method, body }, cookies, person) {
  const response = await fetch(url, {
    method,
    body,
    redirect: "manual",
    headers: { accept: "text/html", cookie: [...cookies].map((pair) => pair.join("=")).join("; ") },
    signal: AbortSignal.timeout(STEP_TIMEOUT),
  });
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (name) cookies.set(name, value);
  }
  const text = await response.text();
  const location = response.headers.get("location");
  if (location) return { url: new URL(location, url), method: "GET", body: undefined };
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text.slice(0, 500)}`);
  return submission(text, url, person);
}

/**
 * Returns the request that submits a page. If the page has several forms, it takes the one with a
 * password, or else the first.
 */
function submission(html, pageUrl, person) {
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)];
  const form = forms.find(([, , fields]) => /<input\b[^>]*\btype=["']?password\b/i.test(fields)) ?? forms[0];
  if (!form) throw new Error(`${pageUrl} has no form: ${html.slice(0, 500)}`);
  const { action = "", method = "GET" } = attributes(form[1]);
  const fields = new URLSearchParams();
  for (const [, tag] of form[2].matchAll(/<input\b([^>]*)>/gi)) {
    const { name, type = "text", value = "", checked } = attributes(tag);
    if (!name || type === "submit" || (type === "checkbox" && checked === undefined)) continue;
    fields.append(name, answer(name, type, value, person));
  }
  const button = agreeingButton(form[2]);
  if (button?.name) fields.append(button.name, button.value ?? "");

  const url = new URL(action || pageUrl, pageUrl);
  if (method.toUpperCase() === "POST") return { url, method: "POST", body: fields };
  url.search = fields.toString();
  return { url, method: "GET", body: undefined };
}

/** The value for a field: the person's, or the one that the page has filled in. */
function answer(name, type, value, person) {
  if (type === "password") return person.password;
  if (type !== "hidden" && (type === "email" || /email|username|login/i.test(name))) return person.email;
  return value;
}

/** The first submit button that does not refuse. */
function agreeingButton(html) {
  const buttons = [...html.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)]
    .map(([, tag, label]) => ({ ...attributes(tag), label }))
    .filter(({ type = "submit" }) => type === "submit");
  return buttons.find(({ value = "", label }) => !/deny|decline|cancel|reject|refuse/i.test(`${value} ${label}`));
}

function attributes(tag) {
  const pairs = [...tag.matchAll(/([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)];
  return Object.fromEntries(pairs.map(([, name, a, b, c]) => [name.toLowerCase(), decoded(a ?? b ?? c ?? "")]));
}

const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decoded(text) {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number.parseInt(decimal, 10));
    return entities[name] ?? whole;
  });
}
