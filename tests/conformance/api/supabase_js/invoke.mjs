// node invoke.mjs URL TOKEN FUNCTION METHOD: one line of JSON with what the client got, `data` or the error's status and body.
import { createClient } from "@supabase/supabase-js";

const [url, token, name, method] = process.argv.slice(2);
const client = createClient(url, "sb_publishable_anything", {
  auth: { persistSession: false, autoRefreshToken: false },
  global: { headers: { Authorization: `Bearer ${token}` } },
});
const { data, error } = await client.functions.invoke(name, { method });
const refused = error && { name: error.name, status: error.context?.status, body: await error.context?.json() };
console.log(JSON.stringify({ data, refused }));
