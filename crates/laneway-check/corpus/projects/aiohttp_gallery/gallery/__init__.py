from gallery.images import thumbnail as thumbnail
