<?php
/* Install WordPress in the current folder, and write posts: wordpress.php FOLDER NUMBER, with N.txt and N.png in the folder. */
define('WP_INSTALLING', true);
require_once getcwd() . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/image.php';
list(, $folder, $number) = $argv;
wp_install('Harbours', 'pilot', 'pilot@example.org', true, '', 'a long password');
update_option('permalink_structure', '/%year%/%monthnum%/%day%/%postname%/');
for ($n = 0; $n < (int) $number; $n++) {
    $upload = wp_upload_bits("quay-$n.png", null, file_get_contents("$folder/$n.png"));
    $picture = wp_insert_attachment(['post_mime_type' => 'image/png', 'post_title' => "Quay $n", 'post_status' => 'inherit'], $upload['file']);
    wp_update_attachment_metadata($picture, wp_generate_attachment_metadata($picture, $upload['file']));
    $shown = wp_get_attachment_image($picture, 'large', false, ['class' => "wp-image-$picture"]);
    wp_insert_post([
        'post_title' => "Chapter $n",
        'post_content' => wpautop(file_get_contents("$folder/$n.txt")) . "<figure class=\"wp-block-image\">$shown</figure>",
        'post_status' => 'publish',
        'post_date' => sprintf('2024-01-%02d 00:00:00', $n + 1),
        'post_category' => [1],
    ]);
}
flush_rewrite_rules(false);
