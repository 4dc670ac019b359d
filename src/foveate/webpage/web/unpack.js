// Files beside a page, packed or not.

/** The answer of the host for a file beside the page. Throws an Error that people can read. */
export async function got(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} is missing beside this page (${response.status}).`);
  return response;
}

/** Its bytes. A host may have said that it is packed: then the browser has unpacked it already. */
export async function unpacked(response) {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
