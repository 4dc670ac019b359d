// A picture from the camera: what it sees is shown, and one is taken on a press.

export function offerCamera(add) {
  const start = document.getElementById("camera");
  const view = document.getElementById("view");
  const video = view.querySelector("video");
  if (!navigator.mediaDevices?.getUserMedia) return; // not over plain http
  start.hidden = false;
  start.addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      document.getElementById("state").textContent = `No camera: ${error.message}`;
      return;
    }
    view.showModal();
  });
  view.addEventListener("close", () => {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  });
  document.getElementById("take").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => add([new File([blob], "camera.png", { type: "image/png" })]));
    view.close();
  });
}
