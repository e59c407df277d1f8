import type { ToolExtraArguments, ToolMetadata } from "xmcp";
import { claimsWith } from "../scope";

const { ISSUER, CLIENT_ID = "", CLIENT_SECRET = "" } = process.env;

export const schema = {};

export const metadata: ToolMetadata = {
  name: "calendar_summary",
  description: "Returns a summary of the user's Google Calendar events",
};

export default async function calendarSummary(_: object, extra: ToolExtraArguments) {
  claimsWith("tool:calendar_summary", extra);
  const exchanged = await fetch(new URL("oauth/token", ISSUER), {
    method: "POST",
    body: new URLSearchParams({
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      subject_token: extra.authInfo?.token ?? "",
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
      connection: "google-oauth2",
      grant_type: "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
      requested_token_type: "http://auth0.com/oauth/token-type/federated-connection-access-token",
    }),
  });
  if (!exchanged.ok) throw new Error("The calendar cannot be read");
  const { access_token: token } = await exchanged.json();
  const day = new Date().toISOString().slice(0, 10);
  const events = new URL("calendar/v3/calendars/primary/events", ISSUER);
  events.search = new URLSearchParams({
    timeMin: `${day}T00:00:00Z`,
    timeMax: `${day}T23:59:59Z`,
    singleEvents: "true",
    orderBy: "startTime",
  }).toString();
  const answer = await fetch(events, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error("The calendar cannot be read");
  const { items } = await answer.json();
  return items.map((event: { summary?: string }) => event.summary ?? "").join("\n");
}
