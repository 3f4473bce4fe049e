// removed when the room fills
