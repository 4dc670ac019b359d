// The server answers the page's pictures: POST predict.

import { open } from "./page.js";

const form = document.getElementById("form"),
  key = document.getElementById("key"),
  top_ = document.getElementById("top");

open(async (picture) => {
  if (picture.size > Number(form.dataset.maxBytes)) {
    throw new Error("This file is larger than the server takes.");
  }
  const body = new FormData(); // with the file's name, which an error then says
  body.append("image", picture);
  const headers = key ? { Authorization: `Bearer ${key.value}` } : {};
  const query = top_ ? `?top_k=${top_.value}` : ""; // where the model ranks labels
  let response;
  try {
    response = await fetch(`predict${query}`, { method: "POST", body, headers });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const told = await response.json();
  if (!response.ok) throw new Error(told.error);
  return told.predictions[0];
});
